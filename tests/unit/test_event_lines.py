"""One line of the callback plugin's, which a task may have written instead."""

import json

import pytest

from runner.event_batch import gather
from runner.event_lines import Missing, Result, Stats, Status, Task, read
from runner.masks import Mask

RESULT = {"event": "result", "at": 1.5, "host": "web1", "task": 3, "status": "ok", "seconds": 0.25}
TASK = {"event": "task", "at": 1, "number": 1, "play": "p", "name": "n", "action": "a", "path": ""}
SECRET = "correct horse battery staple"


def line(told, **changes):
    return json.dumps({**told, **changes}).encode()


def test_a_result_is_read():
    assert read(line(RESULT, changed=True, items=2)) == Result(
        1.5, "web1", 3, Status.CHANGED, True, False, False, 0.25, {"items": 2}
    )


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, (1, 0, 0, 0, 0, 0, 0)),
        ({"changed": True}, (1, 1, 0, 0, 0, 0, 0)),
        ({"status": "skipped"}, (0, 0, 0, 0, 1, 0, 0)),
        ({"status": "failed", "changed": True}, (0, 0, 0, 1, 0, 0, 0)),
        ({"status": "failed", "rescued": True}, (0, 0, 0, 0, 0, 1, 0)),
        ({"status": "failed", "ignored": True}, (1, 0, 0, 0, 0, 0, 1)),
        ({"status": "failed", "ignored": True, "changed": True}, (1, 1, 0, 0, 0, 0, 1)),
        ({"status": "unreachable"}, (0, 0, 1, 0, 0, 0, 0)),
        ({"status": "unreachable", "ignored": True}, (1, 0, 0, 0, 0, 0, 1)),
    ],
)
def test_a_result_counts_as_in_ansibles_recap(changes, counts):
    assert read(line(RESULT, **changes)).counts() == counts


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff",
        b"null",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"event": []}',
        line({"event": "unheard"}),
        line(RESULT, task=0),
        line(RESULT, task=10**9),
        line(RESULT, task=True),
        line(RESULT, task="1"),
        line(RESULT, status="fine"),
        line(RESULT, status=None),
        line(RESULT, host=""),
        line(RESULT, host="x" * 501),
        line(RESULT, host="a\nb"),
        line(RESULT, host="\ud800"),
        line(RESULT, at=-1),
        line(RESULT, at=1e300),
        line(RESULT, at=float("nan")),
        line(RESULT, at=float("inf")),
        line(RESULT, seconds=float("inf")),
        line(RESULT, seconds="1"),
        line(RESULT, items=-1),
        line(RESULT, items=2**31),
        line(RESULT, message=["x"]),
        line(TASK, name=7),
        line({"event": "stats", "at": 1, "hosts": 1}),
    ],
)
def test_what_is_no_line_of_the_plugins_is_left_out(raw):
    assert read(raw) is None


def test_what_postgres_cannot_keep_is_replaced():
    assert read(line(TASK, name="a\0")).name == "a\ufffd"


def test_what_is_missing_makes_a_batch_torn():
    assert read(line({"event": "missing", "count": 3})) == Missing(3)
    assert gather([line({"event": "missing", "count": 3})], 0, 1, Mask({})).is_torn


@pytest.mark.parametrize("field", ["play", "name", "action", "path"])
def test_secrets_in_tasks_are_masked(field):
    batch = gather([line(TASK, **{field: f"set {SECRET}!"})], 0, 1, Mask({"a": SECRET}))

    (task,) = batch.events
    assert isinstance(task, Task)
    assert getattr(task, field) == "set ********!"


@pytest.mark.parametrize("field", ["message", "diff"])
def test_secrets_in_results_are_masked(field):
    batch = gather([line(RESULT, **{field: f"+ {SECRET}\n"})], 0, 1, Mask({"a": SECRET}))

    assert batch.events[0].detail[field] == "+ ********\n"


@pytest.mark.parametrize("secret", [SECRET, 'q"\\ü' + SECRET, "line one is long\nline two is"])
def test_a_secret_is_masked_as_decoded_and_not_as_json_has_it(secret):
    batch = gather([line(RESULT, message=secret)], 0, 1, Mask({"a": secret}))

    assert set(batch.events[0].detail["message"]) <= {"*", "\n"}


@pytest.mark.parametrize("shown", range(1, len(SECRET)))
def test_no_half_of_a_secret_is_shown_where_the_plugin_has_cut(shown):
    cut = ("x" * 2000 + SECRET)[shown : 2000 + shown]
    batch = gather([line(RESULT, diff=cut[-16_000:].rjust(16_000, "y"))], 0, 1, Mask({"a": SECRET}))
    told = gather([line(TASK, name=cut)], 0, 1, Mask({"a": SECRET}))

    for text in (batch.events[0].detail["diff"], told.events[0].name):
        assert not any(text.endswith(SECRET[:length]) for length in range(1, len(SECRET)))


def test_hosts_and_tasks_are_summed_up():
    lines = [
        line({"event": "began", "at": 1, "host": "a", "task": 1}),
        line({"event": "began", "at": 1, "host": "b", "task": 1}),
        line(RESULT, host="a", task=1, seconds=1, at=2),
        line(RESULT, host="a", task=2, seconds=2, at=3, status="failed"),
    ]
    batch = gather(lines, 0, 9, Mask({}))

    assert (batch.hosts["a"].at_work, batch.hosts["a"].task, batch.hosts["a"].seconds) == (
        False,
        2,
        3,
    )
    assert (batch.hosts["b"].at_work, batch.hosts["b"].task) == (True, 1)
    assert batch.hosts["a"].counts == [1, 0, 0, 1, 0, 0, 0]
    assert {number: each.results for number, each in batch.tasks.items()} == {1: 1, 2: 1}


def test_sums_at_the_end_tell_that_it_has_ended():
    sums = dict.fromkeys(("hosts", "ok", "changed", "unreachable", "failed"), 1)
    sums |= dict.fromkeys(("skipped", "rescued", "ignored"), 0)

    batch = gather([line({"event": "stats", "at": 1, **sums})], 0, 1, Mask({}))

    assert batch.has_ended
    assert batch.events == [Stats(1, sums)]
