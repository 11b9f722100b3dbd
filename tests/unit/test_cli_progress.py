"""How far a run is, told from its events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.cli.progress import Progress

BEGAN = datetime(2026, 11, 29, 8, tzinfo=UTC)
RUN: dict[str, Any] = {
    "id": 7,
    "template": "deploy",
    "state": "running",
    "stale": False,
    "stopping": False,
    "phase": "playing",
    "queued_at": BEGAN.isoformat(),
    "claimed_at": BEGAN.isoformat(),
    "playing_at": BEGAN.isoformat(),
    "finished_at": None,
    "survivors": [],
    "message": None,
}


def result(task: int, host: str, status: str, **more: bool) -> dict[str, Any]:
    return {"task": task, "host": host, "status": status, **more}


def test_the_hosts_of_the_present_task_are_counted() -> None:
    progress = Progress(dict(RUN))
    progress.take("task", {"number": 1, "name": "Greet"})
    for host in ("web1", "web2", "web3"):
        progress.take("result", result(1, host, "ok"))
    progress.take("task", {"number": 2, "name": "Install\x1b]0;x\x07"})
    progress.take("result", result(2, "web1", "changed"))
    progress.take("result", result(2, "web2", "failed"))

    shown = "task 2: Install\u241b]0;x\u2407 · 2 of 3 hosts done · 1 failed"
    assert progress.detail() == shown


def test_what_is_ignored_or_rescued_has_not_failed() -> None:
    progress = Progress(dict(RUN))
    progress.take("result", result(1, "web1", "failed", ignored=True))
    progress.take("result", result(1, "web2", "failed", rescued=True))

    assert progress.failed == set()


def test_the_time_is_told_against_the_usual_one() -> None:
    progress = Progress(dict(RUN), usual=40.0)
    now = BEGAN + timedelta(seconds=10)

    assert progress.sentence(now) == "run 7 deploy: playing for 10 s (usually 40 s)"
    assert progress.share(now) == 0.25
    assert progress.share(BEGAN + timedelta(hours=1)) == 1.0


def test_a_state_takes_the_place_of_the_one_before() -> None:
    progress = Progress(dict(RUN))
    stop = {"requested_at": BEGAN.isoformat(), "by": "ada", "forced_at": None}
    progress.take("state", {**RUN, "stopping": True, "stop": stop})

    told = progress.sentence(BEGAN + timedelta(seconds=3))
    assert told == "run 7 deploy: stopping for 3.0 s, asked by ada"


def test_a_lost_connection_is_told_instead_of_stale_knowledge() -> None:
    progress = Progress(dict(RUN))
    progress.take("task", {"number": 1, "name": "Greet"})
    progress.lost = "it does not answer in time"

    assert progress.detail() == "connection lost, trying again: it does not answer in time"
    assert progress.sentence(BEGAN) == "run 7 deploy: last seen playing"
