"""Many callers at once, each a process: one Python process would itself be the bottleneck.

Run as a program it is one of them: `python -m tests.bench.crowd FILE`.
"""

import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from app.bootstrap.children import Child, Children
from tests.bench.caller import Caller

START = 0.3  # seconds until all callers stand at the line, and 0.03 more for each
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Crowd:
    """What a crowd saw."""

    #: Of each call, in seconds.
    times: list[float]
    #: Seconds from the first call's begin to the last one's end.
    seconds: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.times) / self.seconds


def send(
    children: Children,
    port: int,
    shares: Sequence[Sequence[bytes]],
    *,
    seconds: float,
    repeat: bool,
) -> Crowd:
    """Have one caller for each of *shares* send its requests, once or over and over.

    Every answer must be a success: refusals are quick, and their rate says nothing.
    """
    start_at = time.monotonic() + START + 0.03 * len(shares)
    with NamedTemporaryFile("w") as file:
        told = {"port": port, "start_at": start_at, "seconds": seconds, "repeat": repeat}
        requests = [[request.decode() for request in share] for share in shares]
        json.dump({**told, "shares": requests}, file)
        file.flush()
        callers = [_start(children, file.name, number) for number in range(len(shares))]
        seen = [_finish(children, caller) for caller in callers]
    statuses = Counter(status for one in seen for status in one["statuses"])
    if any(status >= 300 for status in statuses):
        raise RuntimeError(f"these calls should all succeed; statuses: {dict(statuses)}")
    ended = max(one["ended"] for one in seen)
    return Crowd([each for one in seen for each in one["times"]], ended - start_at)


def _start(children: Children, file: str, number: int) -> Child:
    command = [sys.executable, "-m", "tests.bench.crowd", file, str(number)]
    return children.start("app", command, cwd=ROOT, output=subprocess.PIPE)


def _finish(children: Children, caller: Child) -> dict[str, Any]:
    assert caller.process.stdout
    words = caller.process.stdout.read()
    if children.finish(caller) != 0:
        raise RuntimeError(f"a caller failed: {words.decode(errors='replace')}")
    seen: dict[str, Any] = json.loads(words)
    return seen


def main(file: str, number: int) -> None:
    """Be one caller, and print what was seen as JSON."""
    told = json.loads(Path(file).read_text())
    requests = [request.encode() for request in told["shares"][number]]
    deadline = told["start_at"] + told["seconds"]
    times, statuses = [], []
    with Caller(told["port"]) as caller:
        time.sleep(max(0.0, told["start_at"] - time.monotonic()))
        for request in itertools.cycle(requests) if told["repeat"] else requests:
            answer = caller.send(request)
            times.append(answer.seconds)
            statuses.append(answer.status)
            if answer.ended > deadline:
                break
    json.dump({"times": times, "statuses": statuses, "ended": time.monotonic()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
