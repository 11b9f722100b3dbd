"""Whatever happens to a target, to Redis or to a sender: told once, later if need be, and noted."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from runner import clients, linux, queue
from runner.dispatch import Dispatcher
from runner.run import RunState
from runner.store import outbox
from runner.store.connection import Line, connect
from tests import playbooks
from tests.notifications.conftest import SECRET
from tests.notifications.target import flood, hang, reset, status
from tests.runners import ROOT
from tests.servers import own_servers
from tests.waiting import wait_until


def senders_of(runner):
    """The processes of *runner* that send."""
    below = psutil.Process(runner.process.pid).children()
    return [each for each in below if "jobs.senders" in linux.command(each.pid)]


@pytest.fixture
def dispatcher(bench, redis_url):
    """One that looks when it is told to."""
    line = Line(bench.environ["DATABASE_URL"])
    yield Dispatcher(clients.connect(redis_url), line)
    line.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(410), "it answers 410 Gone"),
        (status(404, b"s3cret-path"), "it answers 404 Not Found"),
        (status(302, Location="http://127.0.0.1:1/"), "it redirects (302)"),
    ],
    ids=["410", "404", "302"],
)
def test_what_will_never_be_taken_is_dead_at_once(sending, post, target, callback, answer, reason):
    target.answers = [answer]

    post.tell(callback)

    (row,) = post.await_states("dead")
    assert reason in row["reason"]
    assert len(target.heard) == len(post.attempts()) == 1


@pytest.mark.parametrize("how", [reset, status(500), status(429, Retry_After="1")])
def test_what_may_be_taken_later_is_sent_again_and_every_attempt_is_noted(
    sending, post, target, callback, how
):
    target.answers = [how, status(200)]
    began = post.bench.conn.execute("SELECT now() AS now").fetchone()["now"]

    post.tell(callback)

    (row,) = wait_until(lambda: [row for row in post.rows() if row["attempts"] == 1], timeout=30)
    wait_until(lambda: post.rows()[0]["begun_at"] is None)
    assert 4 < (post.rows()[0]["due_at"] - began).total_seconds() < 30
    wait_until(lambda: post.hasten() or post.rows()[0]["state"] == "sent", 30)
    first, second = post.attempts()
    assert (second["status"], second["error"]) == (200, None)
    assert first["error"]
    assert first["seconds"] is not None
    assert len(target.heard) == 2
    assert row["id"] == post.rows()[0]["id"]


def test_after_the_last_attempt_it_is_dead(sending, post, target, callback):
    target.answers = [status(503)]
    post.tell(callback)

    wait_until(lambda: post.hasten() or post.rows()[0]["state"] == "dead", timeout=60)

    assert "attempt 8, the last" in post.rows()[0]["reason"]
    assert len(target.heard) == len(post.attempts()) == 8


def test_an_answer_without_end_is_taken_for_what_it_says_first(sending, post, target, callback):
    target.answers = [flood]

    post.tell(callback)

    post.await_states("sent")


def test_a_run_ends_though_its_target_hangs(bench, sending, playbook, target, callback, post):
    target.answers = [hang]
    to = {"on": ["always"], "to": callback}
    run = bench.trigger(playbook(playbooks.HELLO).url, notifications=[to])

    ended = bench.await_final(run)

    assert ended.state is RunState.SUCCEEDED
    assert target.answered == []
    wait_until(lambda: target.heard, timeout=30)
    target.letting_go.set()
    post.await_states("sent", "sent")


def test_nobody_waits_for_a_target_that_hangs(bench, sending, post, make_target):
    slow, quick = make_target(), make_target()
    slow.answers = [hang]
    for name, target in (("slow", slow), ("quick", quick)):
        bench.keep(name, kind="webhook", url=target.url, secret=SECRET)
    hanging, prompt = ({"kind": "callback", "credential": name} for name in ("slow", "quick"))

    post.tell(hanging, hanging, prompt, hanging, prompt)
    post.tell(prompt)

    wait_until(lambda: len(quick.heard) == 3, timeout=30)
    assert slow.answered == []


def test_a_target_that_has_failed_keeps_no_new_one_waiting(conn, post):
    """What is tried again, however much of it, comes behind what was never tried."""
    failed = [post.tell({"kind": "slack", "credential": "gone"}) for _ in range(5)]
    conn.execute("UPDATE notifications SET attempts = 1, due_at = now() - interval '1 hour'")
    new = post.tell({"kind": "slack", "credential": "gone"})

    first, *_ = outbox.claim(conn, limit=1, lease=60)

    assert (first.id, first.attempts) == (post.rows(new)[0]["id"], 0)
    assert len(outbox.claim(conn, limit=9, lease=60)) == len(failed)


def test_two_dispatchers_at_once_hand_on_each_once(conn, database_url, post):
    for _ in range(40):
        post.tell({"kind": "slack", "credential": "x"})
    barrier = threading.Barrier(4)

    def claim():
        with connect(database_url) as mine:
            barrier.wait()
            return [due for _ in range(5) for due in outbox.claim(mine, limit=3, lease=60)]

    with ThreadPoolExecutor(4) as pool:
        claimed = [due for done in [pool.submit(claim) for _ in range(4)] for due in done.result()]

    assert len({due.id for due in claimed}) == len(claimed) == 40


def test_of_two_who_were_handed_the_same_one_begins(conn, database_url, post):
    """The second waits for the first, which has done all but commit."""
    post.tell({"kind": "slack", "credential": "x"})
    (due,) = outbox.claim(conn, limit=9, lease=0)
    assert outbox.claim(conn, limit=9, lease=60) == [due]  # the lease of the first has run out

    with connect(database_url) as other, ThreadPoolExecutor() as pool:
        with conn.transaction():
            assert outbox.begin(conn, due, lease=60)
            waiting = pool.submit(outbox.begin, other, due, lease=60)
        assert waiting.result(timeout=10) is None

    assert outbox.find(conn, due) is None
    assert len(post.attempts()) == 1


def test_an_end_waits_until_its_start_was_tried(conn, post):
    run = post.start(post.queue({"kind": "slack", "credential": "x"}))
    post.finish(run)
    start, end = (row["id"] for row in post.rows())

    (due,) = outbox.claim(conn, limit=9, lease=60)
    assert due.id == start
    attempt = outbox.begin(conn, due, lease=60)
    assert outbox.claim(conn, limit=9, lease=60) == []
    outbox.note(conn, due, attempt, outbox.Outcome("pending", 503, "no", 3600.0), seconds=0.1)

    assert [due.id for due in outbox.claim(conn, limit=9, lease=60)] == [end]


def test_two_runners_tell_each_thing_once(bench, start, post, target, callback):
    for _ in range(2):
        start(CURTAIN_NOTIFY_PRIVATE="127.0.0.1")
    for _ in range(60):
        post.tell(callback)

    post.await_states(*["sent"] * 60, timeout=60)

    assert len(target.heard) == len({heard.headers["webhook-id"] for heard in target.heard}) == 60


def test_a_sender_that_is_killed_is_found_out_and_its_message_sent_again(
    bench, sending, post, target, callback, conn
):
    target.answers = [hang, status(200)]
    post.tell(callback)
    wait_until(lambda: target.heard, timeout=30)
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
    wait_until(lambda: target.heard, timeout=30)
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
    wait_until(lambda: target.heard, timeout=30)
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
    wait_until(lambda: target.heard, timeout=30)
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)
    bench.await_final(run)
    target.letting_go.set()

    post.await_states("sent")
    assert len(target.heard) == 1


def test_while_redis_is_away_nothing_is_lost(bench, start, target, post, callback, tmp_path):
    with own_servers() as (_, redis):
        runner = start(REDIS_URL=redis.url, CURTAIN_NOTIFY_PRIVATE="127.0.0.1")
        wait_until(lambda: b"slots" in runner.log.read_bytes(), timeout=30)
        redis.stop()
        post.tell(callback)
        wait_until(lambda: b"notifications wait" in runner.log.read_bytes(), timeout=30)
        assert target.heard == []

        redis.start()

        post.await_states("sent", timeout=60)
        runner.terminate()
    assert len(target.heard) == 1


def test_what_redis_has_forgotten_is_due_again(bench, conn, dispatcher, post):
    """A flush between the queue and the sender."""
    post.tell({"kind": "slack", "credential": "x"})
    assert dispatcher.dispatch() == 1
    bench.redis.flushdb()
    assert dispatcher.dispatch() == 0

    conn.execute("UPDATE notifications SET due_at = now()")  # as its lease runs out

    assert dispatcher.dispatch() == 1
    assert queue.queue_of_notifications(bench.redis).count == 1


def test_no_more_is_handed_on_than_there_is_room_for(bench, dispatcher, post):
    for _ in range(queue.MOST_NOTIFICATIONS + 10):
        post.tell({"kind": "slack", "credential": "x"})

    assert [dispatcher.dispatch(), dispatcher.dispatch()] == [queue.MOST_NOTIFICATIONS, 0]
    assert queue.queue_of_notifications(bench.redis).count == queue.MOST_NOTIFICATIONS


def test_a_private_target_is_dead_at_once_unless_allowed(runner, post, target, callback):
    post.tell(callback)

    (row,) = post.await_states("dead")
    assert "CURTAIN_NOTIFY_PRIVATE" in row["reason"]
    assert target.heard == []


def test_a_credential_that_is_gone_is_named(sending, post, conn, callback):
    conn.execute("DELETE FROM credentials")
    post.tell(callback)

    (row,) = post.await_states("dead")
    assert row["reason"] == "there is no credential 'hook' any more"


def test_a_preview_and_a_notification_do_not_wait_for_each_other(
    bench, sending, post, target, callback
):
    """Each kind of errand has a process of its own."""
    queue.queue_of_errands(bench.redis).enqueue_call("time.sleep", args=(30,), timeout=40)
    below = psutil.Process(sending.process.pid)
    wait_until(
        lambda: any("jobs.errands" in linux.command(each.pid) for each in below.children()),
        timeout=30,
    )

    post.tell(callback)

    post.await_states("sent")


def test_no_secret_is_in_a_row_a_log_or_redis(bench, sending, post, target, callback, tmp_path):
    key = SECRET.removeprefix("whsec_")
    bench.keep("forge", kind="api_token", base_url=target.url, token="t0ken-of-forge")
    status_to = {
        "kind": "commit_status",
        "forge": "github",
        "credential": "forge",
        "repository": "a/b",
    }
    echo = b"s3cret-path t0ken-of-forge " + key.encode()
    target.answers = [status(code, echo) for code in (500, 400, 302)]
    target.answers.append(reset)
    reply = {
        "kind": "mattermost_response_url",
        "url": f"{target.url}/reply/s3cret-path",
        "host": f"127.0.0.1:{target.port}",
    }
    run = post.start(post.queue(callback, {"kind": "slack", "credential": "hook"}, status_to,
                                on="always", reply=reply))  # fmt: skip
    post.finish(post.prepare(run))

    wait_until(
        lambda: post.hasten() or all(row["state"] != "pending" for row in post.rows()), timeout=60
    )

    texts = [sending.log.read_bytes()]
    tables = bench.conn.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    for table in tables:
        rows = bench.conn.execute(f"SELECT * FROM {table['table_name']}").fetchall()
        texts.append(repr(rows).encode())
    texts += [repr(bench.redis.dump(name)).encode() for name in bench.redis.scan_iter()]
    for secret in (b"s3cret-path", b"t0ken-of-forge", key.encode()):
        assert not any(secret in text for text in texts)


def test_a_sender_without_work_ends(bench, sending, post, target, callback):
    post.tell(callback)
    post.await_states("sent")

    wait_until(lambda: not senders_of(sending), timeout=20)


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
    wait_until(lambda: target.heard, timeout=30)

    bench.conn.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    target.letting_go.set()

    post.await_states("sent")
    assert len(target.heard) == len(post.attempts()) == 1
