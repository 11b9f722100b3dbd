"""What is due is handed on once, whoever looks, and whatever Redis forgets."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runner import clients, queue
from runner.dispatch import Dispatcher
from runner.store import outbox
from runner.store.connection import Line, connect
from tests.servers import own_servers
from tests.waiting import wait_until


@pytest.fixture
def dispatcher(bench, redis_url):
    """One that looks when it is told to."""
    line = Line(bench.environ["DATABASE_URL"])
    yield Dispatcher(clients.connect(redis_url), line)
    line.close()


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
        assert waiting.result(timeout=60) is None

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


def test_while_redis_is_away_nothing_is_lost(bench, start, target, post, callback, tmp_path):
    with own_servers() as (_, redis):
        runner = start(REDIS_URL=redis.url, CURTAIN_NOTIFY_PRIVATE="127.0.0.1")
        wait_until(lambda: b"slots" in runner.log.read_bytes())
        redis.stop()
        post.tell(callback)
        wait_until(lambda: b"notifications wait" in runner.log.read_bytes())
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
