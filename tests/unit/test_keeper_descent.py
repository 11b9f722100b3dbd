"""Who of a family will not die, and how long to wait for them."""

import pytest

from runner import linux
from runner.descent import PATIENCE, PAUSE, QUICK_ROUNDS, SURVIVOR_PAUSE, Descent
from runner.linux import Sent, Stat


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> dict[int, Sent]:
    """Pids below this process and what becomes of a signal to each: D state cannot be made."""
    members: dict[int, Sent] = {}
    monkeypatch.setattr(
        linux, "descendants", lambda root: {pid: Stat(pid, "D", 1, 2, 2, 1, pid) for pid in members}
    )
    monkeypatch.setattr(
        linux, "send", lambda member, *numbers, parents: members.get(member.pid, Sent.GONE)
    )
    return members


def killed(descent: Descent, rounds: int) -> Descent:
    for _ in range(rounds):
        descent.kill()
    return descent


@pytest.mark.parametrize(
    ("what", "rounds", "survivors"),
    [
        (Sent.REFUSED, 1, {7}),  # another user's: no further kill will help
        (Sent.REACHED, 1, set()),
        (Sent.REACHED, PATIENCE, set()),
        (Sent.REACHED, PATIENCE + 1, {7}),  # D state
    ],
)
def test_a_survivor_is_who_cannot_be_killed_or_does_not_die(family, what, rounds, survivors):
    family[7] = what

    assert killed(Descent(), rounds).survivors == survivors


def test_a_survivor_that_has_died_is_none(family):
    family[7] = Sent.REFUSED
    descent = killed(Descent(), 1)
    del family[7]

    assert killed(descent, 1).survivors == set()


def test_a_survivor_that_a_look_has_missed_still_is_one(family, monkeypatch):
    """Its parent ended between two lines of /proc, so it was below nobody who was seen (seen)."""
    family[7] = Sent.REFUSED
    descent = killed(Descent(), 1)
    monkeypatch.setattr(linux, "read", lambda pid: Stat(pid, "S", 1, 2, 2, 1, pid))
    del family[7]

    assert killed(descent, 1).survivors == {7}


def test_a_newcomer_is_no_survivor_however_late_it_comes(family):
    family[7] = Sent.REACHED
    descent = killed(Descent(), PATIENCE + 1)
    family[8] = Sent.REACHED

    assert killed(descent, 1).survivors == {7}


@pytest.mark.parametrize(
    ("members", "rounds", "pause"),
    [
        ({7: Sent.REACHED}, 1, 0.0),  # it may be forking
        ({7: Sent.REACHED}, QUICK_ROUNDS, PAUSE),
        ({7: Sent.REFUSED}, 1, SURVIVOR_PAUSE),  # nothing is won by haste
        ({7: Sent.REFUSED, 8: Sent.REACHED}, 1, 0.0),
        ({7: Sent.REACHED}, PATIENCE + 1, SURVIVOR_PAUSE),
        ({}, QUICK_ROUNDS, PAUSE),  # forked behind the look's back
        ({}, PATIENCE + 1, SURVIVOR_PAUSE),  # /proc hides it (hidepid)
    ],
)
def test_rounds_are_as_quick_as_they_can_help(family, members, rounds, pause):
    family.update(members)

    assert killed(Descent(), rounds).pause() == pause
