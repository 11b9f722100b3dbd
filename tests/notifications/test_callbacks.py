"""Callbacks: each occasion once for each target, signed as Standard Webhooks has it."""

import pytest
from standardwebhooks import Webhook

from runner.run import RunState
from tests import playbooks
from tests.notifications.conftest import SECRET
from tests.notifications.target import status
from tests.waiting import wait_until


def verified(heard):
    """What standardwebhooks itself makes of a request."""
    return Webhook(SECRET).verify(heard.body, heard.headers)


def test_a_run_tells_of_its_start_and_its_end_once_each(bench, sending, playbook, target, callback):
    run = bench.trigger(
        playbook(playbooks.HELLO).url, notifications=[{"on": ["always"], "to": callback}]
    )

    ended = bench.await_final(run)

    started, succeeded = wait_until(lambda: len(target.heard) == 2 and target.heard)
    assert (started.method, started.path) == ("POST", "/hook/s3cret-path")
    told = [verified(started), verified(succeeded)]
    assert [each["type"] for each in told] == ["run.started", "run.succeeded"]
    assert [each["data"]["state"] for each in told] == ["running", "succeeded"]
    assert [each["data"]["id"] for each in told] == [run.id, run.id]
    assert told[0]["data"]["finished_at"] is told[0]["data"]["message"] is None
    assert told[1]["data"]["playbook_sha"] == ended.playbook_sha
    assert told[1]["data"]["triggered_by"] == "ada"
    events = {event.kind: event.id for event in bench.events(run)}
    assert [each.headers["webhook-id"] for each in (started, succeeded)] == [
        f"run_{run.id}_{kind}_{events[kind]}_0" for kind in ("started", "succeeded")
    ]


@pytest.mark.parametrize("state", ["failed", "timed_out", "interrupted", "lost"])
def test_each_end_is_told_by_its_name(sending, post, target, callback, state):
    run = post.claim(post.queue(callback, on=state))

    post.finish(run, RunState(state), message="so it ended")

    post.await_states("sent")
    (heard,) = target.heard
    told = verified(heard)
    assert (told["type"], told["data"]["state"]) == (f"run.{state}", state)
    assert told["data"]["message"] == "so it ended"


def test_a_stopped_run_is_told_once(bench, sending, playbook, target, callback):
    to = [{"on": ["stopped", "failed", "succeeded"], "to": callback}]
    run = bench.trigger(playbook(playbooks.SLEEPING).url, notifications=to)
    bench.await_output(run, b"ready")

    bench.stop(run, reason="wrong version")
    bench.stop(run, force=True)
    bench.await_final(run)

    (heard,) = wait_until(lambda: target.heard)
    assert verified(heard)["type"] == "run.stopped"
    assert "grace" in verified(heard)["data"]["message"]
    (event,) = bench.events(run, "stopped")
    assert heard.headers["webhook-id"] == f"run_{run.id}_stopped_{event.id}_0"


def test_a_stuck_stop_is_told_once_and_as_a_run_that_is_running(
    bench, sending, post, target, callback
):
    run = post.start(post.queue(callback, on="stuck"))
    bench.conn.execute(
        """UPDATE runs SET stop_requested_at = now() - interval '1 hour',
                           stop_requested_by = 'grace'"""
    )

    (heard,) = wait_until(lambda: target.heard)

    told = verified(heard)
    assert (told["type"], told["data"]["id"]) == ("run.stuck", run.id)
    assert (told["data"]["state"], told["data"]["stopping"]) == ("running", True)


def test_every_attempt_has_the_same_id_and_a_signature_that_holds(sending, post, target, callback):
    target.answers = [status(500), status(503), status(200)]
    post.tell(callback)

    wait_until(lambda: post.hasten() or [row["state"] for row in post.rows()] == ["sent"])

    assert len(target.heard) == 3
    assert len({heard.headers["webhook-id"] for heard in target.heard}) == 1
    assert len({heard.body for heard in target.heard}) == 1
    for heard in target.heard:
        assert verified(heard)["type"] == "run.succeeded"
    assert [attempt["status"] for attempt in post.attempts()] == [500, 503, 200]


def test_each_target_of_an_event_is_told_once(sending, post, target, callback):
    post.tell(callback, callback, callback)

    post.await_states("sent", "sent", "sent")
    ids = [heard.headers["webhook-id"] for heard in target.heard]
    assert len(set(ids)) == len(ids) == 3
