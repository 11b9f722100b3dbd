"""Puts our callback plugin onto Ansible's search path, inside the Python that becomes Ansible.

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
from typing import Any

HERE = os.path.dirname(__file__)
CALLBACKS = os.path.join(os.path.dirname(HERE), "callbacks")
LOADER = "ansible.plugins.loader"


class LoaderWatch:
    """Waits for Ansible's plugin loader: imported too early it would report errors of its own."""

    @classmethod
    def find_spec(
        cls, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the loader where it is, and have it told of our plugin when it is there."""
        if name != LOADER:
            return None
        sys.meta_path.remove(cls)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            tell_when_executed(spec.loader)
        return spec


def tell_when_executed(loader: Any) -> None:
    """Have *loader* tell the module that it executes next of our plugin."""
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        del loader.exec_module  # it is as it was
        execute(module)
        try:
            module.callback_loader.add_directory(CALLBACKS)
        except Exception:  # an Ansible that we do not know runs without our plugin
            return

    loader.exec_module = exec_module


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
sys.meta_path.insert(0, LoaderWatch)
import sitecustomize  # noqa: E402, F401  the one that we stood in front of, if there is one
