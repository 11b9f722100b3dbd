"""Tells on which hosts a task is in flight, in lines of JSON for runner/flight.py.

At the end it tells what came of each host, for runner/recap.py.

It runs inside Ansible (2.15 to 2.21, Python 3.8 or newer), so nothing of ours can be imported. It
never breaks a run: on any trouble it empties its file, which says that nothing is known, and is
silent from then on. No names of tasks, arguments or results: they may hold secrets.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping

from ansible.plugins.callback import CallbackBase

if TYPE_CHECKING:
    from types import FrameType

Line = Dict[str, Any]

ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # dumps() would make one for each line

CHECKPOINT = 65536  # bytes of lines between two checkpoints: what a reader has to read
GROWTH = 8  # or so many times the last checkpoint: they stay a small part of the file

BUILTIN = ("", "ansible.builtin.", "ansible.legacy.")
#: Connections whose processes are of the run's family.
LOCAL = frozenset(prefix + "local" for prefix in BUILTIN)
#: What Ansible takes for this machine when the inventory does not name it.
THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))
#: Actions that leave the host alone.
HERE = frozenset(
    prefix + action
    for prefix in BUILTIN
    for action in (
        "add_host",
        "assert",
        "debug",
        "fail",
        "group_by",
        "include_role",
        "include_tasks",
        "include_vars",
        "pause",
        "set_fact",
        "set_stats",
        "validate_argument_spec",
    )
)
ASYNC_STATUS = frozenset(prefix + "async_status" for prefix in BUILTIN)

NOT_FOUND = "could not find job"

#: Beside the file of the lines; made by the leader too.
RECAP = "recap.json"
#: In the order of runner/recap.py, as AggregateStats.summarize calls them.
COUNTS = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")


class Mute:
    """A display for the base class, which else tells of every plugin at -vvvv."""

    verbosity = 0


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Call *method* in the process that has loaded the plugin; end all telling when it fails."""

    @functools.wraps(method)
    def call(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        if os.getpid() != self._pid:
            return
        try:
            method(self, *args, **kwargs)
        except Exception:  # whatever it is: the run goes on, and nothing more is claimed
            self._give_up()

    return call


class CallbackModule(CallbackBase):
    """Writes a line when a task begins on a host, ends there, or leaves an async job there."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "curtain_flight"
    CALLBACK_NEEDS_ENABLED = False  # being found is enough: callbacks_enabled stays the user's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open the file; without one, be silent."""
        display = kwargs.pop("display", None)
        super().__init__(*args, display=Mute(), **kwargs)
        if display is not None:
            self._display = display
        self._pid = os.getpid()
        #: Inventory host -> where its task works, while it does; None for this machine.
        self._tasks: dict[str, str | None] = {}
        #: The same of each host's last task, whose result may still be to come.
        self._places: dict[str, str | None] = {}
        #: Slot of a worker -> the host it works for; and the other way round.
        self._hosts: dict[int, str] = {}
        self._slots: dict[str, int | None] = {}
        #: Async job -> the host it works on.
        self._jobs: dict[str, str] = {}
        self._since_checkpoint = 0
        self._next_checkpoint = CHECKPOINT
        try:
            # No O_CREAT: the leader has made it.
            path = os.environ.pop("CURTAIN_FLIGHT")
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
            # Before any task could put something else there.
            self._recap = open_recap(os.path.join(os.path.dirname(path), RECAP))
            self._checkpoint()
        except Exception:
            self.disabled = True

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        """Take none."""

    @guarded
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """It is called before the worker is forked: no task is ever in flight without its line."""
        name = str(host.name)
        queueing = locals_of_the_strategy()
        on = place(name, task, queueing.get("task_vars", {}))
        self._take_slot(name, None if task.async_val else slot(queueing))
        self._tasks[name] = self._places[name] = on
        line: Line = {"event": "began", "host": name}
        if on is None:
            line["local"] = True
        elif on != name:
            line["on"] = on
        self._say(line)

    @guarded
    def v2_runner_on_ok(self, result: Any) -> None:
        """It may have left an async job behind, or have seen the end of one."""
        self._note_jobs(result)
        self._end(str(result._host.name))

    @guarded
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """An async job may have failed, which is an end, too."""
        self._note_jobs(result)
        self._end(str(result._host.name))

    @guarded
    def v2_runner_on_skipped(self, result: Any) -> None:
        """Nothing was done."""
        self._end(str(result._host.name))

    @guarded
    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Nothing is known of the host, but Ansible waits for it no more."""
        self._end(str(result._host.name))

    @guarded
    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write all of it at once: half of it is no JSON, and says nothing."""
        if self._recap is None:
            return
        counts = {str(name): stats.summarize(name) for name in stats.processed}
        rows = {name: [count[key] for key in COUNTS] for name, count in counts.items()}
        raw = ENCODE(rows).encode()
        if os.write(self._recap, raw) != len(raw):
            os.ftruncate(self._recap, 0)

    def _take_slot(self, name: str, number: int | None) -> None:
        """Whoever had the slot has ended: while it waits for a slot, Ansible looks at no results.

        An async task is only known to have ended, and to have left a job, by its result.
        """
        self._slots[name] = number
        if number is not None:
            last = self._hosts.get(number)
            self._hosts[number] = name
            if last is not None and last != name and self._slots[last] == number:
                self._end(last)

    def _end(self, name: str) -> None:
        if name in self._tasks:
            del self._tasks[name]
            self._say({"event": "ended", "host": name})

    def _note_jobs(self, result: Any) -> None:
        """Results are read only where there can be a job in them: reading copies all of one."""
        task = result._task
        if not task.async_val and task.action not in ASYNC_STATUS:
            return
        name = str(result._host.name)
        told = result._result
        jobs = told["results"] if isinstance(told.get("results"), list) else [told]
        for job in jobs:
            # "could not find job" comes as finished, but has seen no end.
            if isinstance(job, dict) and "ansible_job_id" in job and job.get("msg") != NOT_FOUND:
                self._note_job(str(job["ansible_job_id"]), bool(job.get("finished")), name)
        if "censored" in told and is_left_alone(result._task_fields):
            self._note_job("of " + name, False, name)  # no_log hides its id

    def _note_job(self, job: str, is_finished: bool, name: str) -> None:
        on = self._places.get(name)
        if is_finished and job in self._jobs:
            del self._jobs[job]
            self._say({"event": "job_ended", "job": job})
        elif not is_finished and on is not None and job not in self._jobs:
            self._jobs[job] = on
            self._say({"event": "job", "job": job, "on": on})

    def _say(self, line: Line) -> None:
        """Write one line, and a checkpoint when it is time for one."""
        self._since_checkpoint += self._write(line)
        if self._since_checkpoint >= self._next_checkpoint:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Sum up all lines before it, so that nobody needs to read them."""
        tasks = {name: on for name, on in self._tasks.items() if on is not None}
        length = self._write({"event": "open", "tasks": tasks, "jobs": self._jobs})
        self._since_checkpoint = 0
        self._next_checkpoint = max(CHECKPOINT, GROWTH * length)

    def _write(self, line: Line) -> int:
        raw = ENCODE(line).encode() + b"\n"
        if os.write(self._file, raw) != len(raw):
            raise OSError("a line was torn")
        return len(raw)

    def _give_up(self) -> None:
        self.disabled = True
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            return  # its directory is gone, and with it whoever could be misled


def open_recap(path: str) -> int | None:
    """Open the file of the recap; None where there is none, which leaves the lines alone."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except OSError:
        return None


def place(name: str, task: Any, variables: Mapping[str, Any]) -> str | None:
    """Name the host that a task works on; None when its processes are on this machine.

    An expression is left for the worker to evaluate, since that may have effects: a task that is
    delegated by one counts for its own host.
    """
    if task.action in HERE:
        return None
    delegate = task.delegate_to
    if not delegate or is_expression(delegate) or delegate == name:
        connection = variables.get("ansible_connection") or task.connection
        is_elsewhere = bool(delegate) and delegate != name
        return None if connection in LOCAL and not is_elsewhere else name
    delegate = str(delegate)
    if delegate in variables.get("groups", {}).get("all", ()):
        theirs = variables["hostvars"].raw_get(delegate)
        connection = theirs.get("ansible_connection") or task.connection
    elif delegate in THIS_MACHINE:
        return None
    else:
        connection = task.connection
    return None if connection in LOCAL else delegate


def is_expression(value: str) -> bool:
    """Whether it is Jinja."""
    return "{{" in value or "{%" in value


def is_left_alone(fields: Mapping[str, Any]) -> bool:
    """Whether nobody waits for the async job of a task with these fields."""
    return int(fields.get("async_val") or 0) > 0 and not int(fields.get("poll") or 0)


def slot(queueing: Mapping[str, Any]) -> int | None:
    """Tell the slot of the worker that is about to start; None where that cannot be seen."""
    strategy: Any = queueing.get("self")
    number = getattr(strategy, "_cur_worker", None)
    if number is None or strategy._workers[number] is not queueing.get("worker_prc"):
        return None
    return int(number)


def locals_of_the_strategy() -> Mapping[str, Any]:
    """Find what the strategy knows that calls us; nothing in an Ansible that we do not know.

    A callback is not given the variables of a task, and to compute them again takes as long as to
    queue the task. They are in the frame of _queue_task(self, host, task, task_vars, play_context),
    which is what strategy plugins override and call (ansible-core 2.0 to 2.21).
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "_queue_task":
        frame = frame.f_back
    return frame.f_locals if frame is not None else {}
