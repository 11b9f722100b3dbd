"""SIGTERM reaches every process of a container, Ansible's own too; SIGKILL reaches them without.

Who hears of it first, and how much sooner, is the kernel's affair: each order is forced.
"""

import time

import pytest

from runner.run import RunState
from tests import playbooks
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a busy machine takes its time for sandboxes

QUICK = 25.0  # seconds: less than what a platform gives
LEASE = {"RUNNER_LEASE": "2"}  # seconds


@pytest.fixture
def await_leave(platform):
    """Waits for a sandbox that has been told to end; it does so well before it would be killed."""

    def wait(name):
        sandbox = platform.sandboxes.pop(name)
        began = time.monotonic()
        assert sandbox.await_end() == 0
        assert time.monotonic() - began < QUICK

    return wait


def test_a_run_whose_every_process_is_terminated_is_interrupted(
    platform, service, web, await_leave
):
    runners = {"runner.1": "cold", "runner.2": "cold", "runner.3": "warm", "runner.4": "warm"}
    for name, start in runners.items():
        platform.start(name, RUNNER_START=start, RUNNER_SLOTS="1")
    service.declare(web)
    held = [service.trigger(web) for _ in runners]
    service.await_playing(*held)

    for number, name in enumerate(runners):
        platform.sandboxes[name].terminate_in_order(is_first_last=number % 2 == 0)

    finals = [service.await_end(run) for run in held]
    assert {final.state for final in finals} == {RunState.INTERRUPTED}, finals
    for name in runners:
        await_leave(name)


ESCAPING = {name.split()[0]: text for name, text in playbooks.ESCAPING.items()}


def test_whatever_a_task_does_with_the_signal(platform, service, web, await_leave):
    platform.start("runner.1")
    for name, text in ESCAPING.items():
        service.declare(web, text, name)
    held = [service.trigger(web, name) for name in ESCAPING]
    for run in held:
        service.await_output(run, b"ready")

    platform.sandboxes["runner.1"].terminate()

    finals = [service.await_end(run) for run in held]
    assert {final.state for final in finals} == {RunState.INTERRUPTED}, finals
    await_leave("runner.1")


def test_a_stop_in_flight_is_what_has_ended_a_run(platform, service, web, await_leave):
    """Its runner hears at once of the stop, of its own end and that the run is gone."""
    platform.start("runner.1")
    service.declare(web)
    service.declare(web, name="again", on_interrupt="requeue")
    unasked, *asked = held = [service.trigger(web, name) for name in ("work", "work", "again")]
    service.await_playing(*held)
    runner = platform.sandboxes["runner.1"]
    runner.terminate_others()
    for run in asked:
        assert service.stop(web, run, reason="in flight").status == 202
    wait_until(lambda: service.living() == {})

    runner.terminate_first()

    assert service.await_end(unasked).state is RunState.INTERRUPTED
    for run in asked:
        final = service.await_end(run)
        assert (final.state, final.stop_reason) == (RunState.STOPPED, "in flight"), final.message
    await_leave("runner.1")


def test_a_container_that_is_killed_leaves_no_run_running(platform, service, web):
    """Another runner, and then a watchdog alone, tells that they are lost."""
    for name in ("runner.1", "runner.2"):
        platform.start(name, RUNNER_SLOTS="1", **LEASE)
    service.declare(web)
    held = [service.trigger(web) for _ in range(2)]
    service.await_playing(*held)
    platform.start("watchdog.1", **LEASE)

    for run in held:
        killed = platform.sandboxes.pop(service.sandbox_of(run))
        killed.kill()

        final = service.await_end(run)
        assert final.state is RunState.LOST, final.message
        assert killed.await_end() != 0
