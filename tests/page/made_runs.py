"""Runs that were never played: rows with the output that a test wants."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from runner.judge import Verdict
from runner.run import Run, RunState, Trigger
from runner.store import claims, moves, output, runs
from runner.template import Template
from runner.wanted import Wanted

CHUNK = 60_000  # bytes
SPEC = {
    "playbook": {"repository": "https://github.com/acme/site.git", "ref": "main", "path": "s.yml"},
    "inventory": {"content": "localhost\n"},
}


def hold(conn: Any, template: str = "made", **more: Any) -> Run:
    """Make a run that a runner seems to hold."""
    spec = Template.model_validate(SPEC).spec()
    wanted = Wanted(
        **{"template": template, "spec": spec, "trigger": Trigger.API, "by": "ada", **more}
    )
    queued = runs.insert(conn, wanted)
    assert queued is not None
    held = claims.claim(
        conn, queued.id, runner="r", machine="m", boot="b", token=uuid4(), lease=600
    )
    assert held is not None
    return held


def write(conn: Any, run: Run, told: bytes, start: int = 0) -> int:
    """Store output of it, and tell where it ends."""
    assert run.lease_token is not None
    for place in range(0, len(told), CHUNK):
        part = told[place : place + CHUNK]
        assert output.append(conn, run.id, run.lease_token, start + place, part)
    return start + len(told)


def finish(conn: Any, run: Run, state: RunState = RunState.SUCCEEDED, message: str = "done") -> Run:
    """End it."""
    verdict = Verdict(state=state, message=message, exit_code=0)
    ended = moves.finish(conn, run, verdict, actor="r", complete=True, truncated=False)
    assert ended is not None
    return ended


def playbook_of(lines: int) -> Iterator[bytes]:
    """As a playbook would print: a task, then what came of a thousand hosts."""
    for number in range(lines):
        if number % 1000 == 0:
            yield f"TASK [Task {number // 1000}] {'*' * 60}\n".encode()
        else:
            told = f"ok: [host{number % 1000:04}] => item {number} of many"
            yield f"\x1b[0;32m{told}\x1b[0m\n".encode()
