"""How hard and when: the ladder's policy as a table, without a process."""

import pytest

from runner.ladder import ASK, LEFTOVER, ORPHANED, Ladder, Rung, Why

GRACE = 10.0
END = "the leader ends"


def played(
    events: list[tuple[float, object]], grace: float = GRACE
) -> list[tuple[float, Rung, Why | None]]:
    """Feed a history of requests and ends to a ladder; return the rungs it took and when."""
    ladder, taken = Ladder(grace), []
    for (at, event), following in zip(events, [*events[1:], (float("inf"), None)], strict=True):
        if event is END:
            ladder.leader_ended(at)
        else:
            ladder.request(event, at, gate_is_open=True)
        now = at
        while now < following[0]:
            if rung := ladder.climb(now):
                taken.append((round(now, 3), rung, ladder.why))
            wait = ladder.wait(now)
            if wait is None:
                break
            now += wait
    return taken


FULL = [
    (0.0, Rung.ASK, Why.STOP),
    (ASK, Rung.TERMINATE, Why.STOP),
    (ASK + GRACE, Rung.KILL, Why.STOP),
]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(0, Why.STOP)], FULL),  # nobody answers
        ([(0, Why.STOP), (1, Why.STOP)], FULL),  # a second stop changes nothing
        ([(0, Why.STOP), (5, Why.TIMEOUT)], FULL),  # nor does another graceful reason
        ([(0, Why.FORCE)], [(0, Rung.KILL, Why.FORCE)]),
        (
            [(0, Why.STOP), (1, Why.FORCE)],  # while asking
            [FULL[0], (1, Rung.KILL, Why.FORCE)],
        ),
        (
            [(0, Why.STOP), (3, Why.FORCE)],  # while terminating
            [*FULL[:2], (3, Rung.KILL, Why.FORCE)],
        ),
        ([(0, Why.FORCE), (1, Why.STOP)], [(0, Rung.KILL, Why.FORCE)]),  # never back down
        (
            [(0, Why.STOP), (0.2, END)],  # ansible ended, somebody else lives
            [
                FULL[0],
                (0.2, Rung.TERMINATE, Why.STOP),
                (0.2 + GRACE, Rung.KILL, Why.STOP),
            ],
        ),
        ([(0, Why.STOP), (3, END)], FULL),  # it was terminated already
        (
            [(0, END)],  # a normal end that left somebody
            [(0, Rung.TERMINATE, Why.LEFTOVER), (LEFTOVER, Rung.KILL, Why.LEFTOVER)],
        ),
        (
            [(0, END), (1, Why.STOP)],  # too late to ask
            [(0, Rung.TERMINATE, Why.LEFTOVER), (LEFTOVER, Rung.KILL, Why.LEFTOVER)],
        ),
        (
            [(0, END), (1, Why.FORCE)],
            [(0, Rung.TERMINATE, Why.LEFTOVER), (1, Rung.KILL, Why.FORCE)],
        ),
        (
            [(0, Why.ORPHANED)],  # the runner died
            [(0, Rung.TERMINATE, Why.ORPHANED), (ORPHANED, Rung.KILL, Why.ORPHANED)],
        ),
        (
            [(0, Why.STOP), (1, Why.ORPHANED)],  # it died while stopping
            [
                FULL[0],
                (1, Rung.TERMINATE, Why.ORPHANED),
                (1 + ORPHANED, Rung.KILL, Why.ORPHANED),
            ],
        ),
        (
            [(0, Why.STOP), (4, Why.ORPHANED)],
            [*FULL[:2], (4 + ORPHANED, Rung.KILL, Why.ORPHANED)],
        ),
    ],
)
def test_each_history_has_its_steps(events, expected):
    assert played(events) == expected


def test_a_grace_of_nothing_kills_at_once():
    assert played([(0, Why.STOP)], grace=0) == [(0, Rung.KILL, Why.STOP)]


def test_leftovers_get_no_more_than_the_grace():
    steps = played([(0, END)], grace=0.5)

    assert [at for at, _, _ in steps] == [0, 0.5]


@pytest.mark.parametrize("why", [Why.STOP, Why.FORCE, Why.TIMEOUT, Why.SHUTDOWN, Why.ORPHANED])
def test_behind_a_closed_gate_nothing_needs_grace(why):
    ladder = Ladder(GRACE)
    ladder.request(why, 0, gate_is_open=False)

    assert (ladder.climb(0), ladder.why) == (Rung.KILL, why)


def test_nothing_is_due_before_anything_was_asked():
    ladder = Ladder(GRACE)

    assert (ladder.climb(1e9), ladder.wait(1e9), ladder.elapsed(1e9)) == (None, None, 0.0)


def test_time_is_counted_from_the_first_request():
    ladder = Ladder(GRACE)
    ladder.request(Why.STOP, 100.0, gate_is_open=True)
    ladder.request(Why.FORCE, 101.0, gate_is_open=True)

    assert ladder.elapsed(103.5) == 3.5
