"""ansible-galaxy: its environment, its time limit, and what of its words tells why it failed."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from runner.ansible_config import Config
from runner.errors import RequirementsFailed
from runner.galaxy_tree import KINDS
from runner.git import ENVIRONMENT, redact
from runner.order import Order
from runner.visible import passed_environment

INSTALL_SECONDS = 600.0  # for all files of a project; as long as others wait for the lock
STDOUT: Final = 1
TAIL = 65_536  # bytes of its output in which the reason is looked for
MESSAGE_LENGTH = 2000  # characters of its own words that are kept

#: What begins the reason; a role's is a warning, and the error after it a hint.
REASON: Final = re.compile(r"^(\[ERROR\]|ERROR!|\[WARNING\]: - .* was NOT installed)", re.MULTILINE)
HINT: Final = re.compile(r"^.*you can use --ignore-errors.*\n?", re.MULTILINE)


def find_galaxy(ansible_playbook: str, environment: Mapping[str, str]) -> str:
    """Find the ansible-galaxy that belongs to an ansible-playbook, else the one on PATH."""
    for beside in (ansible_playbook, os.path.realpath(ansible_playbook)):
        galaxy = Path(beside).with_name("ansible-galaxy")
        if os.access(galaxy, os.X_OK):
            return str(galaxy)
    found = shutil.which("ansible-galaxy", path=environment.get("PATH"))
    if found is None:
        raise RequirementsFailed("there is no ansible-galaxy on this runner", "no_galaxy")
    return os.path.abspath(found)


def galaxy_environment(order: Order, config: Config, home: Path) -> dict[str, str]:
    """Write the environment of ansible-galaxy: git's own, and nothing that is for the playbook.

    *home* is the run's: neither ~/.netrc nor a token of the runner's user is used unasked.
    """
    # Our own has the runner's secrets no more; of the template only what concerns the way there.
    seen = {**os.environ, **passed_environment(order["environment"], ())}
    ways = {
        name: value
        for name, value in seen.items()
        if not name.startswith("ANSIBLE_") or name.startswith("ANSIBLE_GALAXY_")
    }
    if config.file is not None:
        ways["ANSIBLE_CONFIG"] = str(config.file)
    return {
        **ways,
        **ENVIRONMENT,
        "GIT_ALLOW_PROTOCOL": ":".join(order["protocols"]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home),
        "ANSIBLE_NOCOLOR": "1",
        # What another Python package of this machine brings is not there for the next run.
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "0",
        "PYTHONUNBUFFERED": "1",
        **order["mark"],
    }


def install(
    galaxy: str,
    files: Sequence[Path],
    destination: Path,
    *,
    environment: Mapping[str, str],
    cwd: Path,
    keep: tuple[int, ...] = (),
) -> None:
    """Install what *files* name into roles/ and collections/ of *destination*.

    It inherits the descriptors *keep*. Raise RequirementsFailed with its own words.
    """
    for kind in KINDS:
        path = destination / kind
        path.mkdir()
        environment = {**environment, f"ANSIBLE_{kind.upper()}_PATH": str(path)}
    deadline = time.monotonic() + INSTALL_SECONDS
    for file in files:
        words = [galaxy, "install", "-r", str(file)]
        status, output = _run(words, environment, cwd, keep, deadline)
        if status:
            raise RequirementsFailed(last_words(output, status))


def _run(
    words: list[str],
    environment: Mapping[str, str],
    cwd: Path,
    keep: tuple[int, ...],
    deadline: float,
) -> tuple[int, str]:
    """Run a command whose output is the run's. Return its exit code and the end of its output.

    It stays in our session, so that what ends the run ends it too, but in a group of its own: its
    git goes with it when the time has passed.
    """
    process = subprocess.Popen(
        words,
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        pass_fds=keep,
    )
    with process, selectors.DefaultSelector() as selector:
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        try:
            output = _pass_on(process.stdout, selector, deadline)
            return process.wait(timeout=max(0.0, deadline - time.monotonic())), output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            late = f"ansible-galaxy took more than {INSTALL_SECONDS:g} seconds"
            raise RequirementsFailed(late) from None


def _pass_on(pipe: IO[bytes], selector: selectors.BaseSelector, deadline: float) -> str:
    """Give to the run's output what comes, until nobody writes any more; return the end of it."""
    tail = b""
    while selector.select(deadline - time.monotonic()):
        part = os.read(pipe.fileno(), TAIL)
        if not part:
            return tail.decode(errors="replace")
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(STDOUT, rest) :]
        tail = (tail + part)[-TAIL:]
    raise subprocess.TimeoutExpired("ansible-galaxy", INSTALL_SECONDS)


def last_words(output: str, status: int) -> str:
    """Find why it failed in what it has printed."""
    said = HINT.sub("", output).strip()
    reason = REASON.search(said)
    message = said[reason.start() :] if reason else said
    return redact(message)[:MESSAGE_LENGTH].strip() or f"ansible-galaxy ended with status {status}"
