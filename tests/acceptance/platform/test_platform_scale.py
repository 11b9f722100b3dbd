"""More and fewer of each: whoever asks, any web reaches a run on any runner, and none is lost."""

import time
from itertools import product

import pytest

from runner.run import RunState, StopOutcome
from tests.waiting import wait_until

NUMBERS = (1, 2, 3)
QUICK = 25.0  # seconds: less than what a platform gives

pytestmark = pytest.mark.timeout(300)  # nine sandboxes and as many runs, on a busy machine


def test_a_stop_by_any_web_reaches_a_run_on_any_runner(platform, service, web):
    platform.scale("runner", 1, RUNNER_SLOTS="3", RUNNER_LEASE="60")
    service.declare(web)
    platform.scale("web", 3)
    platform.scale("runner", 3, RUNNER_SLOTS="3", RUNNER_LEASE="60")
    webs = [platform.await_web(f"web.{number}") for number in NUMBERS]
    held = [service.trigger(webs[number % 3]) for number in range(9)]
    service.await_playing(*held)
    by_runner = {}
    for run in held:
        by_runner.setdefault(service.sandbox_of(run), []).append(run)
    assert {name: len(runs) for name, runs in by_runner.items()} == {
        f"runner.{number}": 3 for number in NUMBERS
    }

    for runs in by_runner.values():
        for visitor, run in zip(webs, runs, strict=True):
            assert service.stop(visitor, run).status == 202

    for run in held:
        final = service.await_end(run)
        assert (final.state, final.stop_outcome) == (RunState.STOPPED, StopOutcome.TERMINATED)
    assert platform.scale("web", 1) == {"web.2": 0, "web.3": 0}


def test_runners_that_are_scaled_away_give_back_what_may_be_repeated(platform, service, web):
    platform.scale("runner", 3, RUNNER_SLOTS="2")
    service.declare(web)
    service.declare(web, name="again", on_interrupt="requeue")
    names = ["work", "again"] * 3
    held = [service.trigger(web, name) for name in names]
    service.await_playing(*held)
    gone = [run for run in held if service.sandbox_of(run) != "runner.1"]
    assert len(gone) == 4
    stayed = [run for run in held if run not in gone]

    began = time.monotonic()
    codes = platform.scale("runner", 1)
    took = time.monotonic() - began

    assert codes == {"runner.2": 0, "runner.3": 0}
    assert took < QUICK
    for run in gone:
        now = service.find(run)
        assert now.state is (RunState.INTERRUPTED if run.template == "work" else RunState.QUEUED)
    for run in stayed:
        service.stop(web, run)
        assert service.await_end(run).state is RunState.STOPPED
    again = [run for run in gone if run.template == "again"]
    for run in again:
        second = wait_until(lambda run=run: (now := service.find(run)).attempt == 2 and now)
        assert service.sandbox_of(second) == "runner.1"
        service.stop(web, run)
        assert service.await_end(run).state is RunState.STOPPED


def test_a_new_version_starts_while_the_old_one_drains(platform, service, web):
    """Runs that play are let go on, those that come are the new one's; none is lost or doubled."""
    old = platform.start("runner.1", RUNNER_DRAIN="20", RUNNER_SLOTS="2")
    service.declare(web)
    playing = [service.trigger(web, seconds=3) for _ in range(2)]
    service.await_playing(*playing)
    waiting = [service.trigger(web, seconds=0) for _ in range(2)]

    platform.start("runner.1", RUNNER_DRAIN="20", RUNNER_SLOTS="2")
    old.terminate_first()
    later = [service.trigger(web, seconds=0) for _ in range(2)]

    every = [*playing, *waiting, *later]
    for run in every:
        final = service.await_end(run)
        assert (final.state, final.attempt) == (RunState.SUCCEEDED, 1), final.message
    assert old.await_end() == 0
    assert {service.find(run).machine for run in playing} == {old.host}
    assert sorted(platform.ledger()) == sorted(
        f"{run.id} {word}" for run, word in product(every, ("begun", "done"))
    )
