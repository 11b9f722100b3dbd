"""Ansible loaded in this process, so that a copy of it becomes ansible-playbook at once.

What Ansible reads while it is imported (ansible.cfg, the environment, the working directory) lies
in its modules afterwards: as constants, as defaults of classes, in paths of loaders. So an image is
of one configuration (runner/recipe.py). It is loaded in a directory that no run has, and each place
of memory that names this directory is found before any copy is made; in a copy they name the run's
own. No code of a project is executed in an image.
"""

import atexit
import gc
import importlib
import logging
import multiprocessing.process
import os
import random
import runpy
import signal
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from setproctitle import setproctitle, setthreadtitle

from runner import finish, places, shelf
from runner.kept import ROOT

#: What has a first task wait, of Ansible itself.
MODULES: Final = (
    "ansible.cli.playbook",
    "ansible.executor.playbook_executor",
    "ansible.executor.process.worker",
    "ansible.executor.task_executor",
    "ansible.executor.task_queue_manager",
    "ansible.playbook",
    "ansible.vars.manager",
)
#: Imported before Ansible, and nothing that a project may find.
FORGOTTEN: Final = frozenset({"runner", "setproctitle"})


class Image:
    """Ansible, loaded."""

    def __init__(self, root: str) -> None:
        """Load it where *root* stands for the directory of a run.

        Raise Unfit, or whatever Ansible raises of its configuration.
        """
        before = finish.descriptors()
        #: What Python has set for want of any locale, and would in a new process.
        self._coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
        node: Any = uuid
        node._node = 0  # not asked for: libuuid keeps a file open, and copies would share its lock
        for name in MODULES:
            importlib.import_module(name)
        self._constants: Any = importlib.import_module("ansible.constants")
        self._names: Any = importlib.import_module("ansible.utils.vars")
        self._cleanup: Any = importlib.import_module("ansible.utils.path").cleanup_tmp_file
        _load_plugins(self._constants.config)
        self._modules = frozenset(sys.modules)
        #: What libraries have opened for themselves, and believe to be open.
        self._opened = finish.descriptors() - before
        gc.collect()
        self._mends = places.mends(root)

    def freeze(self) -> None:
        """Keep what all copies share from being written to by their garbage collection."""
        gc.collect()
        gc.freeze()

    def settle(self, environment: Mapping[str, str], root: Path) -> None:
        """In a copy: have read what a new process reads in the run whose directory is *root*.

        The working directory is the run's already. Whatever this raises, the copy can still exec.
        """
        os.environ.clear()
        os.environ.update(self._coerced | dict(environment))
        for mend in self._mends:
            mend(str(root))
        atexit.unregister(self._cleanup)  # of the image's own directory
        constants = self._constants
        constants.DEFAULT_LOCAL_TMP = constants.config.get_config_value(
            "DEFAULT_LOCAL_TMP", variables=vars(constants)
        )
        # What each process has drawn for itself by now.
        process: Any = multiprocessing.process.current_process()
        process._config["authkey"] = os.urandom(32)
        self._names.random_int = f"{random.getrandbits(32):08x}"
        for file in _log_files():
            file._open().close()
        sys.path.remove(str(ROOT))

    def become(self, script: str, arguments: list[str]) -> NoReturn:
        """Be *script*, in a copy that has settled."""
        self._name(script, arguments)
        self._forget_us()
        files = _log_files()
        for file in files:
            file.close()
        finish.close_all_but(self._opened)
        for file in files:
            file.stream = file._open()
        node: Any = uuid
        node._node = None
        self._names.node_mac = f"{uuid.getnode():012x}"[:12]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # as Python does it when it starts
            signal.signal(number, signal.SIG_IGN)
        code = 1
        try:
            runpy.run_path(script, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = finish.code_of(end)
        except KeyboardInterrupt:
            sys.excepthook(*sys.exc_info())
            finish.die_interrupted()
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finish.leave(code)

    def _name(self, script: str, arguments: list[str]) -> None:
        """Be called what an exec would have called it, in `ps` and for Ansible."""
        setproctitle(" ".join([sys.executable, script, *arguments]))
        setthreadtitle(os.path.basename(script)[:15])  # as much as the kernel keeps
        sys.argv = [script, *arguments]
        sys.orig_argv = [sys.executable, script, *arguments]
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))

    def _forget_us(self) -> None:
        """Leave nothing of ours, or of what we have imported, for a project to find."""
        for name in set(sys.modules) - self._modules:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                del sys.modules[name]
        for name in [name for name in sys.modules if name.partition(".")[0] in FORGOTTEN]:
            del sys.modules[name]


def _log_files() -> list[logging.FileHandler]:
    return [each for each in logging.root.handlers if isinstance(each, logging.FileHandler)]


def _load_plugins(config: Any) -> None:
    """Put Ansible's own plugins on shelves."""
    loaders: Any = importlib.import_module("ansible.plugins.loader")
    loaders.init_plugin_loader()
    shelf.fill(loaders, config._plugins, loaders.MODULE_CACHE)
    _forget_collections()


def _forget_collections() -> None:
    """Have the collections be found anew, where a command line or a run has them."""
    finder: Any = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    config: Any = importlib.import_module("ansible.utils.collection_loader")
    finder._AnsibleCollectionFinder._remove()
    config.AnsibleCollectionConfig._collection_finder = None
