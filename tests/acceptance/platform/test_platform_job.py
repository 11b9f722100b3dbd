"""The main job on a platform: each part is alone, and all that they share is Postgres and Redis."""

import pytest

from runner.run import RunState, StopOutcome
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a busy machine takes its time for sandboxes


def test_a_playbook_is_declared_run_followed_and_stopped(platform, service, web, start_runner):
    start_runner()
    service.declare(web)

    run = service.trigger(web)
    with web.follow(run.id) as events:
        told = next(event["data"] for event in events if "ready" in event["data"])
        answer = service.stop(web, run, reason="enough")
        last = list(events)[-1]

    assert "ready" in told
    assert answer.status == 202
    assert last["event"] == "end"
    final = service.await_end(run)
    assert (final.state, final.stop_outcome) == (RunState.STOPPED, StopOutcome.TERMINATED)
    assert (final.stop_requested_by, final.stop_reason) == ("admin", "enough")
    assert service.sandbox_of(run) == "runner.1"
    assert platform.ledger() == [f"{run.id} begun"]
    brief = service.trigger(web, seconds=0)
    assert service.await_end(brief).state is RunState.SUCCEEDED
    assert platform.ledger()[1:] == [f"{brief.id} begun", f"{brief.id} done"]


@pytest.mark.parametrize("line", ["web", "runner"])
def test_a_certificate_that_nobody_has_signed_is_refused_by_the_setting_s_name(platform, line):
    """And the process waits, so that a corrected config finds it."""
    platform.start(f"{line}.1", REDIS_TLS_VERIFY="1")
    log = platform.folder / f"{line}.1.log"
    if line == "web":
        web = platform.await_web("web.1")
        words = wait_until(lambda: web.call("GET", "//ready").json["words"])
        said = next(word for word in words if word["part"] == "redis")
        assert not said["is_well"]
        text = f"{said['says']} {said['advice']}"
    else:
        text = wait_until(lambda: "waiting for Redis" in (read := log.read_text()) and read)

    assert "REDIS_TLS_VERIFY" in text
