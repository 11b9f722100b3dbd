"""Tells Curtain what happens while Ansible plays, in files of the run's directory.

It runs inside Ansible (2.15 to 2.21, Python 3.8 or newer), so nothing of ours can be imported but
by its place: see ../parts. It never breaks a run: a part that meets trouble is silent from then on.
One plugin for all parts, since Ansible copies each result once for each plugin that hears of it.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import Any, Callable

from ansible.plugins.callback import CallbackBase

PARTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "parts")


class Mute:
    """A display for the base class, which else tells of every plugin at -vvvv."""

    verbosity = 0


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Call *method* in the process that has loaded the plugin only: a worker is a copy of it."""

    @functools.wraps(method)
    def call(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        if os.getpid() == self._pid:
            method(self, *args, **kwargs)

    return call


class CallbackModule(CallbackBase):
    """Hands what Ansible calls to the parts that want to know of it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "curtain"
    CALLBACK_NEEDS_ENABLED = False  # being found is enough: callbacks_enabled stays the user's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open the files; without them, be silent."""
        display = kwargs.pop("display", None)
        super().__init__(*args, display=Mute(), **kwargs)
        if display is not None:
            self._display = display
        self._pid = os.getpid()
        self._parts: list[Any] = []
        path = os.environ.pop("CURTAIN_FLIGHT", None)
        # Before any task could put something else there.
        for name, kind in (("flight", "Flight"), ("recap", "Recap"), ("telling", "Telling")):
            try:
                self._parts.append(getattr(part(name), kind)(path))
            except Exception:  # noqa: S112  whatever it is: the run goes on without it
                continue
        self.disabled = not self._parts

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        """Take none."""

    @guarded
    def v2_playbook_on_play_start(self, play: Any) -> None:
        """It comes once for each batch of `serial`."""
        self._tell("play_began", play)

    @guarded
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """It comes for each host again in the strategy `free`."""
        self._tell("task_began", task)

    @guarded
    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler is a task."""
        self._tell("task_began", task)

    @guarded
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """It is called before the worker is forked: no task is ever in flight without its line."""
        self._tell("began", str(host.name), task)

    @guarded
    def v2_runner_on_ok(self, result: Any) -> None:
        """Whether it has changed anything is in the result."""
        self._tell("ended", "ok", result, False)

    @guarded
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """It may be ignored, or rescued."""
        self._tell("ended", "failed", result, bool(ignore_errors))

    @guarded
    def v2_runner_on_skipped(self, result: Any) -> None:
        """Nothing was done."""
        self._tell("ended", "skipped", result, False)

    @guarded
    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Nothing is known of the host, but Ansible waits for it no more."""
        self._tell("ended", "unreachable", result, bool(result._task.ignore_unreachable))

    @guarded
    def v2_playbook_on_include(self, included_file: Any) -> None:
        """A file could be read: Ansible counts that as ok only now, for each host."""
        self._tell("included", included_file)

    @guarded
    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The playbook has ended by itself."""
        self._tell("summed_up", stats)

    def _tell(self, what: str, *given: Any) -> None:
        for each in tuple(self._parts):
            hear = getattr(each, what, None)
            if hear is None:
                continue
            try:
                hear(*given)
            except Exception:  # the run goes on, and this part claims nothing more
                self._parts.remove(each)
                each.give_up()
        self.disabled = not self._parts


def part(name: str) -> Any:
    """Load a part from its file; it is in no list of Ansible's or Python's."""
    spec = importlib.util.spec_from_file_location(
        "curtain_" + name, os.path.join(PARTS, name + ".py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
