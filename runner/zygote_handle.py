"""The runner's end of a zygote: its process, its socket, and what it says."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner import plugin, recipe
from runner.forked import Forked
from runner.kept import ROOT, Process
from runner.recipe import Recipe
from runner.visible import keeper_environment

PATIENCE: Final = 60.0  # seconds in which Ansible is loaded; on a busy machine it takes ten
HASTE: Final = 1.0  # seconds for a fork; a zygote that does not answer is given up
ANSWER: Final = 65_536  # bytes


class Zygote:
    """One zygote process: loading, ready, or gone."""

    def __init__(self, wanted: Recipe, directory: Path) -> None:
        """Start it with *directory* for that of a run. Raise OSError when it cannot be."""
        self.recipe = wanted
        self.is_ready = False
        self._directory = directory
        self._until = time.monotonic() + PATIENCE
        project = Path(recipe.localize(wanted.project, directory))
        project.mkdir(mode=0o700, parents=True, exist_ok=True)
        if wanted.config and wanted.config[0].startswith(recipe.RUN):
            Path(recipe.localize(wanted.config[0], directory)).write_text(wanted.config[1], "utf-8")
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said, says = os.pipe()
        for descriptor in (self._here.fileno(), self._said):
            os.set_blocking(descriptor, False)
        with there:
            try:
                self.process = self._spawn(project, there.fileno(), says)
            except OSError:
                self._here.close()
                os.close(self._said)
                raise
            finally:
                os.close(says)
        self._tell_all()

    def _spawn(self, project: Path, there: int, says: int) -> subprocess.Popen[bytes]:
        own = {
            name: recipe.localize(value, self._directory)
            for name, value in self.recipe.environment.items()
        }
        flight, may_leave = self._directory / plugin.FLIGHT, self.recipe.may_leave
        with_ours = {**own, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "runner.zygote", str(there)],
            pass_fds=[there],
            stdin=subprocess.DEVNULL,
            stdout=says,
            stderr=says,
            cwd=project,
            env=plugin.loaded(with_ours, self.recipe.script, flight, may_leave=may_leave),
            process_group=0,
        )

    def _tell_all(self) -> None:
        """Tell it what stands for a run, and how its keepers are started."""
        first = {
            "root": str(self._directory),
            "recipe": self.recipe.write(),
            "environment": keeper_environment(os.environ),
        }
        try:
            self._here.send(json.dumps(first).encode())
        except OSError:  # an environment that is larger than a message may be
            self.close()
            raise

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
        if "ready" not in told:
            return str(told.get("unfit", "it has ended"))
        if words := self._words():  # at every start of Ansible it would say this
            return f"Ansible says, as it is loaded: {words}"
        self.is_ready = True
        return None

    def fork(self, theirs: tuple[int, ...]) -> Process:
        """Have it fork a keeper. Raise OSError when it does not."""
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
        self._here.close()
        self.process.kill()
        self.process.wait()
        os.close(self._said)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _words(self) -> str:
        with suppress(BlockingIOError):
            return os.read(self._said, ANSWER).decode(errors="replace").strip()[:500]
        return ""
