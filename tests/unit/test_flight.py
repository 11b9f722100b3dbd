"""Who is in flight, by the lines of the callback plugin."""

import json
import os

import pytest

from runner.flight import FIRST, LIMIT, may_continue_on
from runner.plugin import FLIGHT

OPEN = {"event": "open", "tasks": {}, "jobs": {}}


def began(host, **how):
    return {"event": "began", "host": host, **how}


def ended(host):
    return {"event": "ended", "host": host}


def job(name, on):
    return {"event": "job", "job": name, "on": on}


@pytest.fixture
def flown(tmp_path):
    """What is said of a run whose plugin has written these lines, or bytes."""

    def say(*lines):
        raw = b"".join(
            line
            if isinstance(line, bytes)
            else json.dumps(line, separators=(",", ":")).encode() + b"\n"
            for line in lines
        )
        (tmp_path / FLIGHT).write_bytes(raw)
        return may_continue_on(str(tmp_path))

    return say


@pytest.mark.parametrize(
    ("lines", "hosts"),
    [
        ([OPEN], []),  # nothing had begun
        ([OPEN, began("b"), began("a")], ["a", "b"]),  # sorted
        ([OPEN, began("a"), ended("a")], []),
        ([OPEN, began("a"), ended("a"), began("a")], ["a"]),  # its next task
        ([OPEN, began("a"), began("a"), ended("a")], []),  # one task a host: the first never was
        ([OPEN, began("a", local=True)], []),  # of the family, and gone with it
        ([OPEN, began("a"), began("a", local=True)], []),
        ([OPEN, began("a", on="db")], ["db"]),  # delegated
        ([OPEN, began("a", on="db"), began("b", on="db")], ["db"]),
        ([OPEN, began("a", on="db"), ended("a")], []),
        ([OPEN, ended("a")], []),
        ([OPEN, job("j1", "a")], ["a"]),  # nobody waits for it
        ([OPEN, began("a"), job("j1", "a"), ended("a")], ["a"]),
        ([OPEN, job("j1", "a"), {"event": "job_ended", "job": "j1"}], []),
        ([OPEN, job("j1", "a"), job("j2", "a"), {"event": "job_ended", "job": "j1"}], ["a"]),
        (
            [OPEN, began("x"), {"event": "open", "tasks": {"a": "db"}, "jobs": {"j": "b"}}],
            ["b", "db"],
        ),
        ([OPEN, began("x"), OPEN, began("a")], ["a"]),  # what is before a sum does not count
        ([OPEN, {"event": "open", "tasks": {"a": "a"}, "jobs": {}}, ended("a")], []),
        ([OPEN, began("a"), b'{"event":"ended","ho'], ["a"]),  # torn
        ([OPEN, began("a"), b"\0\0[]\n7\nnull\n\xff\n"], ["a"]),  # not lines of ours
        ([OPEN, {"event": "new"}, began("a")], ["a"]),
        ([{"event": "open", "tasks": [], "jobs": None}, began("a")], ["a"]),
        ([OPEN, began("\0\ud800")], ["\ufffd\ufffd"]),  # Postgres takes neither
        ([], None),  # the plugin was not loaded, or has given up
        ([began("a")], None),  # no sum: its beginning is lost
        ([b'{"event":"open","tas'], None),
    ],
)
def test_in_flight_is_what_began_and_has_not_ended(flown, lines, hosts):
    assert flown(*lines) == hosts


def test_what_has_not_begun_to_play_goes_on_nowhere(tmp_path):
    assert may_continue_on(None) == []  # it never had a directory
    assert may_continue_on(str(tmp_path)) == []  # it was ended while it was prepared


def test_of_a_file_that_somebody_has_removed_nothing_is_known(tmp_path):
    assert may_continue_on(str(tmp_path), has_played=True) is None


def test_of_a_directory_that_is_gone_nothing_is_known(tmp_path):
    assert may_continue_on(str(tmp_path / "gone")) is None


def test_a_file_that_cannot_be_read_tells_nothing(tmp_path):
    (tmp_path / FLIGHT).mkdir()

    assert may_continue_on(str(tmp_path)) is None


def test_a_fifo_in_its_place_is_not_waited_at(tmp_path):
    os.mkfifo(tmp_path / FLIGHT)

    assert may_continue_on(str(tmp_path)) is None


def test_a_line_of_brackets_in_brackets_is_left_out(flown):
    assert flown(OPEN, b"[" * 100_000 + b"\n", began("a")) == ["a"]


@pytest.mark.parametrize("size", [FIRST - 200, FIRST - 1, FIRST, FIRST + 1, 5 * FIRST])
def test_a_sum_is_found_however_far_back_it_is(flown, size):
    rest = [*[began("b"), ended("b")] * (size // 60), began("c")]

    assert flown(began("x"), {**OPEN, "tasks": {"a": "a"}}, *rest) == ["a", "c"]


def test_a_file_without_sums_is_not_read_for_ever(flown):
    assert flown(OPEN, b'{"event":"began","host":"a"}\n' * (LIMIT // 28)) is None
