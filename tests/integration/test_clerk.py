"""The thread that does the runner's errands at Redis."""

from runner import queue
from runner.books import Books
from runner.clerk import Clerk
from runner.store.order import Ready


def test_jobs_are_taken_although_a_beat_takes_longer_than_it_is_to_the_next(redis, monkeypatch):
    """As when each answer of Redis takes half a second."""
    books = Books(redis, "one.1.1", beat=1)
    clerk = Clerk(books, lambda: None)
    monkeypatch.setattr(books, "keep_alive", lambda entries: clerk.beat(entries, []))
    queue.enqueue(redis, 12, timeout=60)
    clerk.beat([], [])
    clerk.start()

    clerk.grant(1)

    assert clerk.taken.get(timeout=60).run_id == 12
    clerk.leave()
    assert not clerk.is_alive()


def test_who_waits_is_found_at_the_front_and_behind_it(redis, monkeypatch):
    monkeypatch.setattr(queue, "FRONT", 3)
    for number in range(1, 11):
        queue.enqueue(redis, number, timeout=60)
    queue.enqueue(redis, 11, timeout=60, name="dmz", rank=1)

    def among(*ids, name="default", rank=0):
        return queue.waiting_among(redis, [Ready(each, name, rank) for each in ids])

    assert among(1, 2) == {1, 2}
    assert among(2, 9) == {2, 9}
    assert among(2, 99) == {2}
    assert among(11) == set()
    assert among(11, name="dmz", rank=1) == {11}
    assert among() == set()
