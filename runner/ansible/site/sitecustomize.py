"""Puts our callback plugin onto Ansible's search path, inside the Python that becomes Ansible.

And has Ansible tell which directories it makes on this machine for the code of modules and their
arguments: who is killed does not remove them (see runner/left_modules.py).

Python imports it, before anything else, where runner/plugin.py has put its directory in front of
PYTHONPATH. An environment variable of Ansible's would take the place of what the user's ansible.cfg
says, and a launcher of ours would show in `ps`, in sys.argv and in tracebacks. Python 3.8 or newer;
nothing of ours can be imported here.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Callable

HERE = os.path.dirname(__file__)
CALLBACKS = os.path.join(os.path.dirname(HERE), "callbacks")
LOADER = "ansible.plugins.loader"
ACTION = "ansible.plugins.action"
#: The file that is told of directories; the leader has made it.
MODULES = os.environ.pop("CURTAIN_MODULES", None)
#: Whether async jobs may outlive the run, and with them their directories.
MAY_LEAVE = os.environ.pop("CURTAIN_MAY_LEAVE", None) is not None


class ImportWatch:
    """Waits for modules of Ansible: imported too early they would report errors of their own."""

    @classmethod
    def find_spec(
        cls, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module where it is, and have it changed when it is there."""
        change = CHANGES.pop(name, None)
        if change is None:
            return None
        if not CHANGES:
            sys.meta_path.remove(cls)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            change_when_executed(spec.loader, change)
        return spec


def change_when_executed(loader: Any, change: Callable[[Any], None]) -> None:
    """Have *loader* change the module that it executes next."""
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        del loader.exec_module  # it is as it was
        execute(module)
        try:
            change(module)
        except Exception:  # an Ansible that we do not know runs without us
            return

    loader.exec_module = exec_module


def add_callbacks(module: Any) -> None:
    """Let Ansible find our plugin."""
    module.callback_loader.add_directory(CALLBACKS)


def note_directories(module: Any) -> None:
    """Note each directory while it is empty: what is put there comes after the name is told."""
    make = module.ActionBase._make_tmp_path

    def _make_tmp_path(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = make(self, *args, **kwargs)
        try:
            is_kept = module.C.DEFAULT_KEEP_REMOTE_FILES or (MAY_LEAVE and self._task.async_val)
            if self._connection.transport == "local" and not is_kept:
                note(path)
        except Exception:  # whatever it is: the task goes on, and its directory is not known
            return path
        return path

    module.ActionBase._make_tmp_path = _make_tmp_path


def note(path: str) -> None:
    """Add a line at once. A FIFO that a task has put there is not waited at."""
    if MODULES is None:
        return
    file = os.open(MODULES, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.write(file, os.fsencode(path.rstrip("/")) + b"\n")
    finally:
        os.close(file)


CHANGES = {LOADER: add_callbacks, ACTION: note_directories}


def leave_no_trace() -> None:
    """Make PYTHONPATH and sys.path what they would be without us."""
    ours, _, theirs = os.environ["PYTHONPATH"].partition(os.pathsep)
    if ours == HERE and theirs:
        os.environ["PYTHONPATH"] = theirs
    elif ours == HERE:
        del os.environ["PYTHONPATH"]
    sys.path.remove(HERE)
    del sys.modules[__name__]


leave_no_trace()
sys.meta_path.insert(0, ImportWatch)
import sitecustomize  # noqa: E402, F401  the one that we stood in front of, if there is one
