"""Who may outlive a run: what an async job is, and who is spared because of it."""

import pytest

from runner import linux
from runner.async_jobs import is_normal, is_wrapper, pick
from runner.descent import LOOKS, RESTLESS, Descent
from runner.family import Member
from runner.leaving import listed, spared, unspared, without_left
from runner.linux import Stat
from tests.made import make_run

KEEPER = 10


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # As ansible-core 2.19 shows it: of a Python module, and of a binary one with its arguments.
        (["/bin/python3", "/r/async_wrapper.py", "j12", "60", "/r/AnsiballZ_ping.py", "_"], True),
        (["/bin/python3", "/r/async_wrapper.py", "j9", "5", "/r/AnsiballZ_tool", "/r/args"], True),
        (["python3", "-E", "async_wrapper.py", "9249", "5", "/r/module"], True),  # older ids
        (["sh", "-c", "python3 /r/async_wrapper.py j1 60 /r/module"], False),  # the shell before it
        (["vi", "/r/async_wrapper.py"], False),
        (["python3", "/r/my_async_wrapper.py", "j1", "60", "/r/module"], False),
        (["python3", "/r/async_wrapper.py.bak", "j1", "60", "/r/module"], False),
        (["python3", "/r/async_wrapper.py", "j1", "soon", "/r/module"], False),
        ([], False),  # a kernel thread, or one that has gone
    ],
)  # fmt: skip
def test_an_async_wrapper_is_told_by_its_command_line(words, expected):
    assert is_wrapper("".join(f"{word}\0" for word in words).encode()) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, True), (2, True), (250, True), (99, False), (-9, False), (-15, False)],
)
def test_a_signal_makes_no_normal_end(code, expected):
    assert is_normal(code) is expected


def member(pid, parent, session):
    return Stat(pid, "S", parent, session, session, 1, pid)


@pytest.mark.parametrize(
    ("family", "wrappers", "jobs"),
    [
        ([(20, KEEPER, 19), (21, 20, 19)], {20, 21}, {20, 21}),  # the wrapper and what is below it
        ([(20, KEEPER, 19), (21, KEEPER, 19)], {20}, {20, 21}),  # an orphan of its session
        ([(20, KEEPER, 19), (21, 20, 21), (22, 21, 21)], {20}, {20, 21, 22}),  # another, below it
        ([(20, KEEPER, 19), (30, KEEPER, 30), (31, 30, 30)], {20}, {20}),  # a daemon of a task's
        ([(20, KEEPER, 19), (21, KEEPER, 21)], {20}, {20}),  # what has left the job for good
        ([(30, KEEPER, 30), (31, 30, 30)], {31}, set()),  # not daemonised: still the worker's
        ([(20, KEEPER, 19)], set(), set()),  # what a job left that is over
    ],
)  # fmt: skip
def test_an_async_job_is_its_sessions_and_what_is_below(family, wrappers, jobs):
    tree = {pid: member(pid, parent, session) for pid, parent, session in family}

    assert set(pick(tree, wrappers, KEEPER)) == jobs


@pytest.fixture
def descent(monkeypatch):
    """A descent that sees one async job, and those that the test adds."""
    wrapper = b"python3\0async_wrapper.py\0j1\0" + b"60\0module\0"
    descent = Descent()
    descent.spares_async = True
    descent.seen = {20: member(20, KEEPER, 19)}
    monkeypatch.setattr("os.getpid", lambda: KEEPER)
    monkeypatch.setattr(linux, "descendants", lambda root: dict(descent.seen))
    monkeypatch.setattr(linux, "contents", lambda pid, name: wrapper if pid == 20 else b"")
    return descent


def looked(descent, times):
    return [bool(descent.left()) for _ in range(times)]


def test_one_look_that_sees_nobody_else_is_not_enough(descent):
    assert looked(descent, LOOKS) == [False] * (LOOKS - 1) + [True]


def test_somebody_else_begins_the_looks_anew(descent):
    looked(descent, LOOKS - 1)
    descent.seen[30] = member(30, KEEPER, 30)
    assert looked(descent, 2) == [False] * 2
    del descent.seen[30]

    assert looked(descent, LOOKS) == [False] * (LOOKS - 1) + [True]


def test_the_end_of_a_stranger_begins_the_looks_anew_but_not_that_of_a_job(descent):
    looked(descent, LOOKS - 1)
    descent.note_end(20)
    assert looked(descent, 1) == [True]
    descent.note_end(30)

    assert looked(descent, 1) == [False]


def test_who_forks_and_exits_too_fast_to_be_seen_costs_the_async_jobs_their_leave(descent):
    for _ in range(RESTLESS + 1):
        assert descent.left() == []
        descent.note_end(30)

    assert not descent.spares_async
    assert looked(descent, LOOKS) == [False] * LOOKS


JOB = {"pid": 20, "created": 200, "sid": 19, "command": "python3"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([(20, 200, 1, 19)], {20}),
        ([(20, 201, 1, 19)], set()),  # its number, used again
        ([(20, 200, 1, 19), (21, 999, 1, 19)], {20, 21}),  # forked since, in its session
        ([(20, 200, 1, 19), (22, 999, 21, 22), (21, 999, 20, 21)], {20, 21, 22}),  # below it
        ([(20, 200, 1, 19), (30, 300, 1, 30)], {20}),  # a stranger to it
        ([(21, 999, 1, 19)], set()),  # the job is over: what it leaves has no leave
    ],
)
def test_what_was_listed_is_spared_with_its_session_and_what_is_below(members, expected):
    seen = [Member(pid, created, parent, sid, sid, "") for pid, created, parent, sid in members]
    chosen = spared(listed([JOB]), seen)

    assert {each.pid for each in chosen} == expected
    assert {each.pid for each in unspared(listed([JOB]), seen)} == {
        m[0] for m in members
    } - expected


def test_only_the_rows_own_async_jobs_are_spared():
    job, other = Member(20, 200, 1, 19, 19, ""), Member(30, 300, 1, 30, 30, "")
    known = {1: make_run(id=1, boot="b/1", left_running=[JOB]), 2: make_run(id=2, boot="b/1")}
    families = {1: [job, other], 2: [job], 3: [job]}

    assert without_left(families, known, "b/1") == {1: [other], 2: [job], 3: [job]}
    assert without_left({1: [job]}, known, "b/1") == {}


def test_an_async_job_is_not_ended_from_where_it_has_another_number():
    """A watchdog of the machine sees the processes of its containers, by numbers of its own."""
    known = {1: make_run(id=1, boot="b/2", left_running=[JOB]), 2: make_run(id=2, boot="b/2")}
    seen = Member(4020, 200, 1, 4019, 4019, "")

    assert without_left({1: [seen], 2: [seen]}, known, "b/1") == {2: [seen]}
