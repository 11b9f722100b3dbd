"""The process that sends: what becomes of what it has in hand when it, or others, die."""

import os
import signal
import subprocess
import sys

import psutil

from runner import linux, queue
from tests import playbooks
from tests.notifications.conftest import SECRET
from tests.notifications.target import hang, status
from tests.runners import ROOT
from tests.waiting import wait_until


def senders_of(runner):
    """The processes of *runner* that send."""
    below = psutil.Process(runner.process.pid).children()
    return [each for each in below if "jobs.senders" in linux.command(each.pid)]


def test_a_sender_that_is_killed_is_found_out_and_its_message_sent_again(
    bench, sending, post, target, callback, conn
):
    target.answers = [hang, status(200)]
    post.tell(callback)
    wait_until(lambda: target.heard)
    (sender,) = senders_of(sending)

    sender.kill()
    wait_until(lambda: sender not in senders_of(sending))
    assert post.rows()[0]["begun_at"] is not None
    conn.execute("UPDATE notifications SET due_at = now()")  # its lease has run out

    post.await_states("sent")
    killed, done = post.attempts()
    assert (killed["seconds"], killed["status"], done["status"]) == (None, None, 200)
    assert len({heard.headers["webhook-id"] for heard in target.heard}) == 1


def test_a_message_that_kills_its_senders_is_given_up(sending, post, conn, callback, target):
    conn.execute(
        """CREATE FUNCTION as_if() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN NEW.attempts := 8; NEW.begun_at := now(); RETURN NEW; END'"""
    )
    conn.execute(
        "CREATE TRIGGER as_if BEFORE INSERT ON notifications FOR EACH ROW EXECUTE FUNCTION as_if()"
    )

    post.tell(callback)

    (row,) = post.await_states("dead")
    assert "its sender was killed" in row["reason"]
    assert target.heard == []


def test_a_sender_finishes_what_it_is_at_when_its_runner_leaves(bench, start, post, make_target):
    target = make_target()
    target.answers = [hang]
    bench.keep("hook", kind="webhook", url=target.url, secret=SECRET)
    runner = start(CURTAIN_NOTIFY_PRIVATE="127.0.0.1", RUNNER_DRAIN="20")
    run = bench.trigger("file:///nowhere-at-all")
    bench.await_final(run)
    post.tell({"kind": "callback", "credential": "hook"})
    wait_until(lambda: target.heard)
    (sender,) = senders_of(runner)

    sender.send_signal(signal.SIGTERM)
    wait_until(lambda: senders_of(runner) == [sender])
    target.letting_go.set()

    post.await_states("sent")
    wait_until(lambda: sender not in senders_of(runner))
    assert len(target.heard) == 1


def test_it_dies_with_a_runner_that_is_killed(sending, post, target, callback):
    target.answers = [hang]
    post.tell(callback)
    wait_until(lambda: target.heard)
    (sender,) = senders_of(sending)

    sending.kill()
    target.letting_go.set()

    wait_until(lambda: not sender.is_running() or sender.status() == psutil.STATUS_ZOMBIE)
    assert [row["state"] for row in post.rows()] == ["sent"]


def test_it_is_no_stray_of_a_run_whose_keeper_was_killed(
    bench, sending, post, playbook, target, callback
):
    target.answers = [hang]
    post.tell(callback)
    wait_until(lambda: target.heard)
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)
    bench.await_final(run)
    target.letting_go.set()

    post.await_states("sent")
    assert len(target.heard) == 1


def test_a_preview_and_a_notification_do_not_wait_for_each_other(
    bench, sending, post, target, callback
):
    """Each kind of errand has a process of its own."""
    queue.queue_of_errands(bench.redis).enqueue_call("time.sleep", args=(30,), timeout=40)
    below = psutil.Process(sending.process.pid)
    wait_until(
        lambda: any("jobs.errands" in linux.command(each.pid) for each in below.children()),
    )

    post.tell(callback)

    post.await_states("sent")


def test_a_sender_without_work_ends(bench, sending, post, target, callback):
    post.tell(callback)
    post.await_states("sent")

    wait_until(lambda: not senders_of(sending))


def test_a_sender_that_nobody_started_does_nothing():
    """Its parent must be the runner that it is told."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs.senders", "1"], cwd=ROOT, capture_output=True, timeout=60
    )

    assert done.returncode == 1


def test_what_was_sent_is_noted_when_postgres_was_away_for_a_moment(
    bench, sending, post, target, callback
):
    """Its connection is cut while the target has the message."""
    target.answers = [hang]
    post.tell(callback)
    wait_until(lambda: target.heard)

    bench.conn.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    target.letting_go.set()

    post.await_states("sent")
    assert len(target.heard) == len(post.attempts()) == 1
