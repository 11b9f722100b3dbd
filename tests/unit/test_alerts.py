"""The line in the log that calls for a person."""

from datetime import UTC, datetime, timedelta

import pytest

from runner import alerts
from runner.alerts import Alerts, describe
from tests.made import make_run

NOW = datetime.now(UTC)


def make_stuck(**values):
    basics = {
        "stop_requested_at": NOW - timedelta(seconds=40),
        "stop_requested_by": "grace",
        "runner": "web3.7.1",
        "holder": "web3.7.1",
        "machine": "web3",
    }
    return make_run(**{**basics, **values})


def test_a_stuck_stop_is_told_with_all_that_a_person_needs():
    run = make_stuck(
        stale=True,
        force_requested_at=NOW,
        force_requested_by="ada",
        survivors=[{"pid": 99, "uid": 0, "command": "/usr/bin/rsync --password=secret"}],
    )

    assert describe(run, NOW) == (
        "stuck stopping for 40 s, asked by grace, forced by ada; "
        "runner web3.7.1 on web3, held by web3.7.1, whose lease has run out; "
        "survivors: 99 /usr/bin/rsync"
    )


@pytest.fixture
def clock(monkeypatch):
    """The time that alerts see; it goes on when it is told to."""
    times = [1000.0]
    monkeypatch.setattr(alerts.time, "monotonic", lambda: times[-1])
    return times


def test_each_run_is_told_of_at_once_and_then_once_a_minute(caplog, clock):
    alarm, run = Alerts(), make_stuck()

    for second in range(0, 130, 5):
        clock.append(1000.0 + second)
        alarm.sound([run], NOW)

    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    assert "survivors: none known" in caplog.text


def test_what_is_within_its_ladder_is_not_told_of(caplog, clock):
    Alerts().sound([make_stuck(stop_requested_at=NOW - timedelta(seconds=20))], NOW)

    assert caplog.records == []


def test_what_was_stuck_and_is_again_is_told_of_again(caplog, clock):
    alarm, run = Alerts(), make_stuck()

    for stopping in ([run], [], [run]):
        alarm.sound(stopping, NOW)

    assert len(caplog.records) == 2
