"""The runner's end of a zygote: its process, its socket, and what it says."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from runner import plugin, recipe
from runner.forked import Forked
from runner.kept import ROOT, Process
from runner.recipe import Recipe
from runner.visible import keeper_environment

PATIENCE: Final = 60.0  # seconds in which Ansible is loaded; on a busy machine it takes ten
HASTE = 2.0  # seconds for a fork; a zygote that does not answer is given up
ANSWER: Final = 65_536  # bytes
LAST_BREATH: Final = 1.0  # seconds that a killed one may take
#: How their directories are called, beside those of runs: `../x` means the same there.
PREFIX: Final = "zygote-"
LOCK: Final = "lock"


class Zygote:
    """One zygote process: loading, ready, or gone."""

    def __init__(self, wanted: Recipe, directory: Path) -> None:
        """Start it with *directory* for that of a run. Raise OSError when it cannot be."""
        self.recipe = wanted
        self.used_at = time.monotonic()
        self.is_ready = False
        #: It has said itself that no copy of it would be like a start.
        self.is_unfit = False
        self._directory = directory
        self._until = time.monotonic() + PATIENCE
        project = self._lay_out()
        with ExitStack() as held:
            held.callback(os.close, _lock(directory))
            self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            held.callback(self._here.close)
            self._said, says = os.pipe()
            held.callback(os.close, self._said)
            for descriptor in (self._here.fileno(), self._said):
                os.set_blocking(descriptor, False)
            try:
                self.process = self._spawn(project, there.fileno(), says)
            finally:
                there.close()
                os.close(says)
            held.callback(self._end)
            self._here.send(self._first())  # OSError: more than a message may have
            self._held = held.pop_all()

    def _lay_out(self) -> Path:
        """Make what Ansible reads in a project. Return the project."""
        project = Path(recipe.localize(self.recipe.project, self._directory))
        project.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.recipe.config and self.recipe.config[0].startswith(recipe.RUN):
            config = Path(recipe.localize(self.recipe.config[0], self._directory))
            config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            config.write_text(self.recipe.config[1], "utf-8")
        return project

    def _spawn(self, project: Path, there: int, says: int) -> subprocess.Popen[bytes]:
        own = {
            name: recipe.localize(value, self._directory)
            for name, value in self.recipe.environment.items()
        }
        flight, may_leave = self._directory / plugin.FLIGHT, self.recipe.may_leave
        with_ours = {**own, "PYTHONPATH": str(ROOT)}
        python = recipe.own_python(self.recipe.script) or sys.executable
        return subprocess.Popen(
            [python, "-m", "runner.zygote", str(there)],
            pass_fds=[there],
            stdin=subprocess.DEVNULL,
            stdout=says,
            stderr=says,
            cwd=project,
            env=plugin.loaded(with_ours, self.recipe.script, flight, may_leave=may_leave),
            process_group=0,
        )

    def _first(self) -> bytes:
        """Write what stands for a run, and how its keepers are started."""
        first = {
            "root": str(self._directory),
            "recipe": self.recipe.write(),
            "environment": keeper_environment(os.environ),
        }
        return json.dumps(first).encode()

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.process.pid

    def hear(self) -> str | None:
        """Hear what has become of it; why it is of no use, if it is not."""
        if self.process.poll() is not None and not self.is_ready:
            return self._words() or "it ended while it loaded Ansible"
        try:
            told = json.loads(self._here.recv(ANSWER) or "{}")
        except BlockingIOError:
            late = not self.is_ready and time.monotonic() > self._until
            return f"Ansible was not loaded in {PATIENCE:g} s" if late else None
        except OSError as error:  # it was killed before it had read all
            return f"it has ended: {error}"
        if "ready" not in told:
            self.is_unfit = "unfit" in told
            return str(told.get("unfit", "it has ended"))
        if words := self._words():  # at every start of Ansible it would say this
            return f"Ansible says, as it is loaded: {words}"
        self.is_ready = True
        return None

    def fork(self, theirs: tuple[int, ...]) -> Process:
        """Have it fork a keeper. Raise OSError when it does not."""
        self.used_at = time.monotonic()
        self._here.settimeout(HASTE)
        try:
            socket.send_fds(self._here, [b"k"], theirs)
            told = json.loads(self._here.recv(ANSWER) or "{}")
        except ValueError as error:
            raise OSError("a zygote answers in no words that we know") from error
        finally:
            self._here.setblocking(False)
        if not isinstance(number := told.get("keeper"), int):
            raise OSError("a zygote has ended")
        return Forked(number)

    def close(self) -> None:
        """End it. Keepers that it has forked go on."""
        self._held.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self) -> None:
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel: reaped as a stray then
            self.process.wait(LAST_BREATH)

    def _words(self) -> str:
        """What it has printed: whoever prints as it is loaded is of no use."""
        with suppress(BlockingIOError):
            words = os.read(self._said, ANSWER).decode(errors="replace").strip()[:500]
            self.is_unfit = self.is_unfit or bool(words)
            return words
        return ""


def _lock(directory: Path) -> int:
    """Hold a directory for as long as this process lives."""
    lock = os.open(directory / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def remove_left(directory: Path) -> None:
    """Remove a zygote's directory unless its runner lives."""
    with suppress(OSError):
        lock = _lock(directory)
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)
