"""A repository of many files, on a git daemon that tells how often it was called."""

import random
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from app.bootstrap.children import Children
from tests.ports import free_port
from tests.repositories import ENVIRONMENT
from tests.waiting import wait_until

BRANCH = "main"
MARK = "commit.txt"  # differs in every commit: whoever reads it knows whose tree it is
HISTORY = 60  # commits before the first checkout, of CHANGED files each
CHANGED = 3
FILES_A_DIRECTORY = 20
BYTES = (100, 2_000)  # of noise in a file, written as hexadecimal: twice that, and packed to half


class Commit(NamedTuple):
    """What a checkout shall lead to."""

    sha: str
    mark: str

    def is_at(self, tree: Path) -> bool:
        """Whether *tree* is this commit's, and not another's."""
        mark = tree / MARK
        return mark.exists() and mark.read_text() == self.mark


@dataclass
class Remote:
    """A bare repository, and where it is served."""

    path: Path
    url: str
    files: int
    _noise: random.Random = field(default_factory=lambda: random.Random(4))
    _commits: int = 0

    @classmethod
    def make(cls, path: Path, url: str, files: int) -> Self:
        """Make *files* files with some history, packed as a server would."""
        _git(path.parent, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", path.name)
        remote = cls(path, url, files)
        remote._import([range(files - 1), *(remote._choose() for _ in range(HISTORY))])
        _git(path, "repack", "--quiet", "-a", "-d", "--write-bitmap-index")
        return remote

    def commit(self) -> Commit:
        """Push a new commit."""
        self._import([self._choose()], onto=f"refs/heads/{BRANCH}^0")
        return self.head

    @property
    def head(self) -> Commit:
        """What the branch is at."""
        return Commit(_git(self.path, "rev-parse", BRANCH), str(self._commits))

    def _choose(self) -> list[int]:
        return self._noise.sample(range(self.files - 1), CHANGED)

    def _import(self, commits: Iterable[Iterable[int]], onto: str = "") -> None:
        """Commit changes of files, by their numbers, one after another."""
        command = ["git", "fast-import", "--quiet", "--done"]
        with subprocess.Popen(
            command, cwd=self.path, env=ENVIRONMENT, stdin=subprocess.PIPE
        ) as process:
            assert process.stdin
            for changed in commits:
                process.stdin.writelines(self._stream(changed, onto))
                onto = ""  # from now on it is where we were
            process.stdin.write(b"done\n")
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: {process.returncode}")

    def _stream(self, changed: Iterable[int], onto: str) -> Iterator[bytes]:
        """Write a commit in fast-import's language."""
        self._commits += 1
        yield f"commit refs/heads/{BRANCH}\ncommitter Ada <ada@example.com> ".encode()
        yield f"{1_700_000_000 + self._commits} +0000\n{_counted('Change it')}".encode()
        if onto:
            yield f"from {onto}\n".encode()
        yield f"M 100644 inline {MARK}\n{_counted(str(self._commits))}".encode()
        for number in changed:
            noise = self._noise.randbytes(self._noise.randint(*BYTES)).hex()
            path = f"roles/{number // FILES_A_DIRECTORY}/tasks/{number}.yml"
            yield f"M 100644 inline {path}\n{_counted(noise)}".encode()


def _counted(text: str) -> str:
    return f"data {len(text)}\n{text}\n"


@dataclass(frozen=True)
class Daemon:
    """Serves what is in *folder*."""

    folder: Path
    port: int
    log: Path

    def make(self, files: int) -> Remote:
        """Make a repository of so many files, and serve it."""
        name = f"{files}.git"
        return Remote.make(self.folder / name, f"git://127.0.0.1:{self.port}/{name}", files)

    @property
    def connections(self) -> int:
        """How often it was called. It writes the line before it answers."""
        return self.log.read_text().count("] Connection from ")


@contextmanager
def serve(folder: Path) -> Iterator[Daemon]:
    """Serve *folder* on the loopback, without a limit to connections."""
    daemon = Daemon(folder, free_port(), folder / "daemon.log")
    command = [
        *("git", "daemon", "--verbose", "--export-all", "--max-connections=0", "--reuseaddr"),
        *("--listen=127.0.0.1", f"--port={daemon.port}", f"--base-path={folder}"),
    ]
    with Children() as children, daemon.log.open("wb") as log:
        children.start("app", command, env=ENVIRONMENT, output=log)
        wait_until(lambda: _is_listening(daemon.port))
        yield daemon


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _git(where: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
