"""A keeper as its runner has it: started idle, given an order, sent bytes, read."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, wait_until

CHILDREN = Path(__file__).parent / "children"
RUN = 12


def child(name: str, *arguments: object) -> list[str]:
    """Make the command line of a misbehaving program."""
    return [sys.executable, "-I", "-S", str(CHILDREN / f"{name}.py"), *map(str, arguments)]


class Kept:
    """One keeper, its pipes, and what became of its family."""

    def __init__(
        self,
        directory: Path,
        *,
        output: int | None = None,
        environment: Mapping[str, str] = {},
        installation: str | None = None,
    ) -> None:
        name = secrets.token_hex(4)
        self.installation = installation or name
        self.record = directory / f"{name}.jsonl"
        self.printed = directory / f"{name}.out"
        control, self.control = os.pipe()
        self.status, status = os.pipe()
        written = os.open(self.printed, os.O_WRONLY | os.O_CREAT) if output is None else output
        self.keeper = subprocess.Popen(
            [*child("keeper"), str(control), str(status), str(written)],
            pass_fds=(control, status, written),
            env={**os.environ, **environment},
        )
        for descriptor in (control, status, written):
            os.close(descriptor)

    def order(
        self,
        argv: list[str],
        *,
        grace: float = 10.0,
        run: int = RUN,
        leave_async: bool | None = None,
        cgroup: str | None = None,
        gate_until: float | None = None,
        **order: Any,
    ) -> "Kept":
        """Give the order to run *argv*, marked, behind the gate, in that *cgroup*."""
        mark = {"CURTAIN_RUN": str(run), "CURTAIN_INSTALLATION": self.installation}
        line = {
            "run": run,
            "installation": self.installation,
            "grace": grace,
            "record": str(self.record),
            **({} if leave_async is None else {"leave_async": leave_async}),
            "cgroup": cgroup,
            "gate_until": gate_until,
            "order": {"argv": argv, "environment": mark, **order},
        }
        self.send(json.dumps(line).encode() + b"\n")
        return self

    def play(self, argv: list[str], *, timeout: float = PATIENCE, **order: Any) -> "Kept":
        """Run *argv* with an open gate until it says that it is ready."""
        self.order(argv, **order).send(b"o")
        wait_until(lambda: self.is_ready() or self.events("exit"), timeout=timeout)
        assert self.is_ready(), self.printed.read_text()
        return self

    def is_ready(self) -> bool:
        """Tell whether the family has said so."""
        return b"ready" in self.printed.read_bytes()

    def wait_for_commands(self, commands: set[str]) -> None:
        """Wait until each of *commands* is run by a member."""
        wait_until(lambda: commands <= set(map(command_of, self.living())))

    def send(self, received: bytes) -> None:
        """Write to the control pipe."""
        os.write(self.control, received)

    def abandon(self) -> None:
        """Close the runner's ends, as its death would."""
        for descriptor in (self.control, self.status):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Read what the keeper has recorded so far."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        events = [json.loads(line) for line in lines]
        return [event for event in events if name in (None, event["event"])]

    def wait_for(self, name: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait for an event; its first occurrence."""
        return wait_until(lambda: self.events(name), timeout=timeout)[0]

    def wait_for_end(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until the keeper has said `gone` and ended well; its exit event."""
        wait_until(lambda: self.keeper.poll() is not None, timeout=timeout)
        assert self.keeper.returncode == 0
        assert self.events()[-1]["event"] == "gone"
        return self.events("exit")[0]

    def signals(self) -> list[tuple[str, str]]:
        """Tell each signal and why, in order."""
        return [(event["signal"], event["why"]) for event in self.events("signal")]

    def living(self) -> list[int]:
        """Look for members of the family from outside, by mark and by brand."""
        return living(self.installation)

    def end(self) -> None:
        """End the keeper that a failed test has left."""
        self.abandon()
        with contextlib.suppress(ProcessLookupError):
            self.keeper.kill()
        self.keeper.wait()


@contextlib.contextmanager
def keepers(directory: Path) -> Iterator[Callable[..., Kept]]:
    """Start keepers that record in *directory*; end what a failed test has left."""
    started: list[Kept] = []

    def start(records: Path = directory, **options: Any) -> Kept:
        started.append(Kept(records, **options))
        return started[-1]

    yield start
    for kept in started:
        kept.end()
    for installation in {kept.installation for kept in started}:
        end_living(installation)


def end_living(installation: str) -> None:
    """Kill whom a failed test has left."""
    while members := living(installation):
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def living(installation: str) -> list[int]:
    """Find living processes with the installation's mark or brand, by other eyes than ours."""
    return [pid for pid in _pids() if _is_alive(pid) and _belongs(pid, installation)]


def _pids() -> Iterator[int]:
    yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def _belongs(pid: int, installation: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        limits = Path(f"/proc/{pid}/limits").read_text()
    except OSError:
        return False
    (locks,) = [line.split()[3] for line in limits.splitlines() if "file locks" in line] or ["0"]
    branded = locks.isdigit() and int(locks) >> 32 == int(installation, 16) & 0x7FFFFFFF
    return branded or f"CURTAIN_INSTALLATION={installation}".encode() in environment


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return fields["State"][0] not in "ZX" or int(fields["Threads"]) > 1


def command_of(pid: int) -> str:
    """Read a process' command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children_of(pid: int) -> list[str]:
    """List the states of a process' children."""
    states = []
    for other in _pids():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                states.append(fields[0])
    return states
