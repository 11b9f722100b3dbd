"""What /ready sees, in words."""

from datetime import UTC, datetime

import pytest

from app.api.ready_words import DISTRUSTED, explain
from runner.store.health import Health

WELL = {
    "round_at": datetime.now(UTC),
    "seconds_ago": 3.0,
    "round_seconds": 0.1,
    "rounds": 5,
    "verdicts": {},
    "queued": 0,
    "oldest_queued_seconds": None,
    "running": 2,
    "stopping": 0,
    "stuck_stopping": 0,
    "stale": 0,
    "runners": 2,
    "containment": {"cgroup v2": 2},
    "missing": [],
    "slots": 20,
    "busy": 2,
    "notifications_pending": 0,
    "notifications_dead": 0,
}


def explained(part, postgres="ok", redis="ok", lease=30.0, **seen):
    """The word about one part."""
    health = Health(**{**WELL, **seen}) if postgres == "ok" else None
    words = explain(postgres, health, redis, lease=lease)
    return next((word for word in words if word.part == part), None)


@pytest.mark.parametrize("part", ["postgres", "redis", "runners", "watchdog", "queue", "stops"])
def test_of_what_is_well_nothing_is_to_be_done(part):
    word = explained(part)

    assert word.is_well
    assert word.advice is None


@pytest.mark.parametrize(
    ("part", "seen", "says", "advice"),
    [
        ("postgres", {"postgres": "does not answer"}, "does not answer", "DATABASE_URL"),
        ("postgres", {"postgres": "x: run `python -m app migrate` first"}, "older", "migrate"),
        ("redis", {"redis": "does not answer"}, "later", "REDIS_URL"),
        ("redis", {"redis": DISTRUSTED}, "not believed", "REDIS_TLS_VERIFY=0"),
        ("runners", {"runners": 0, "slots": 0, "busy": 0}, "No runner", "Start one"),
        ("runners", {"missing": ["git"]}, "have no git: their runs fail", "Aptfile"),
        ("watchdog", {"seconds_ago": 31.0}, "31 s ago", "Start a runner"),
        ("watchdog", {"seconds_ago": None}, "none was ever made", "Start a runner"),
        ("queue", {"oldest_queued_seconds": 61.0, "queued": 1}, "1 run in", "Redis"),
        ("queue", {"oldest_queued_seconds": 1.0, "queued": 2, "runners": 0}, "2 runs", "Start"),
        ("stops", {"stuck_stopping": 1, "stopping": 3}, "1 run being", "Force"),
    ],
)
def test_of_what_is_wrong_it_says_what_to_do(part, seen, says, advice):
    word = explained(part, **seen)

    assert not word.is_well
    assert says in word.says
    assert advice in word.advice


@pytest.mark.parametrize(
    ("part", "seen", "says"),
    [
        ("watchdog", {"seconds_ago": 31.0, "lease": 60.0}, "31 s"),  # a lease is longer
        ("queue", {"oldest_queued_seconds": 900.0, "queued": 3, "busy": 20}, "all slots are taken"),
        ("queue", {"oldest_queued_seconds": 59.0, "queued": 3}, "3 runs"),  # about to be taken
        ("runners", {"containment": {"subreaper": 1, "cgroup v2": 1}}, "1 by subreaper"),
        ("notifications", {"notifications_dead": 2}, "2 notifications given up"),
    ],
)
def test_what_need_not_be_mended_is_well(part, seen, says):
    word = explained(part, **seen)

    assert word.is_well
    assert says in word.says


def test_nothing_is_said_of_what_nobody_can_see():
    parts = [word.part for word in explain("does not answer", None, "ok", lease=30.0)]

    assert parts == ["postgres", "redis"]
