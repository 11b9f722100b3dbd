"""The thread that does the runner's errands at Redis."""

from runner import queue
from runner.books import Books
from runner.clerk import Clerk


def test_jobs_are_taken_although_a_beat_takes_longer_than_it_is_to_the_next(redis, monkeypatch):
    """As when each answer of Redis takes half a second."""
    books = Books(redis, "one.1.1", beat=1)
    clerk = Clerk(books, lambda: None)
    monkeypatch.setattr(books, "keep_alive", lambda entries: clerk.beat(entries, []))
    queue.enqueue(redis, 12, timeout=60)
    clerk.beat([], [])
    clerk.start()

    clerk.grant(1)

    assert clerk.taken.get(timeout=10).run_id == 12
    clerk.leave()
    assert not clerk.is_alive()
