"""What a dead runner's keeper wrote is believed, and no more than it wrote."""

import json
import os

import pytest

from runner.judge import End
from runner.record import read_lines, recall

STARTED = {"event": "started", "pid": 7, "pgid": 7, "created": 1, "keeper": 6}
TERM = {"event": "signal", "signal": "TERM", "to": 3, "why": "orphaned", "after": 0.0}
INT = {"event": "signal", "signal": "INT", "to": 1, "why": "stop", "after": 0.0}
GONE = {"event": "gone", "rounds": 1, "seconds": 0.1}


def ended(code, *signalled, never_started=False, **more):
    return {
        **more,
        "event": "exit",
        "code": code,
        "signalled": list(signalled),
        "never_started": never_started,
    }


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ([STARTED], None),  # the keeper was killed too: nobody knows
        ([STARTED, ended(0)], None),  # and here it did not live to see the family gone
        ([STARTED, ended(0), GONE], End(exit_code=0)),  # it ended by itself before its runner died
        # It ended by itself, and what it left behind was ended because the runner was dead.
        ([STARTED, ended(2), {**TERM, "why": "leftover"}, GONE],
         End(exit_code=2, signalled=("TERM",))),
        ([STARTED, TERM, ended(-15, "TERM"), GONE],
         End(exit_code=-15, signalled=("TERM",), why="orphaned")),
        ([STARTED, INT, TERM, ended(99, "INT"), GONE],
         End(exit_code=99, signalled=("INT", "TERM"), why="stop")),
        # Its output broke when its runner died, and it ended of that before its keeper had looked.
        ([STARTED, ended(1, orphaned=True), GONE], End(exit_code=1, why="orphaned")),
        ([STARTED, ended(-13, never_started=True, orphaned=True), GONE],
         End(exit_code=-13, why="orphaned", never_started=True)),
        # But what tells how the play went is its own end: a host has failed, whoever died then.
        ([STARTED, ended(0, orphaned=True), GONE], End(exit_code=0)),
        ([STARTED, ended(2, orphaned=True), GONE], End(exit_code=2)),
        # Its runner had claimed it and stood still: there never was a leader.
        ([{"event": "unled"}, GONE], End(exit_code=None, why="orphaned", never_started=True)),
        ([STARTED, {**TERM, "signal": "KILL"}, ended(-9, "KILL", never_started=True), GONE],
         End(exit_code=-9, signalled=("KILL",), why="orphaned", never_started=True)),
    ],
)  # fmt: skip
def test_a_record_is_recalled(lines, end):
    assert recall(lines) == end


def test_a_torn_line_is_left_out(tmp_path):
    file = tmp_path / "status.jsonl"
    file.write_text(json.dumps(STARTED) + '\n{"event": "ex\n' + json.dumps(GONE) + '\n{"event"')

    assert [line["event"] for line in read_lines(file)] == ["started", "gone"]


def test_no_record_is_no_lines(tmp_path):
    assert read_lines(tmp_path / "none") == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "exit"}',  # nothing of what it must tell
        json.dumps(ended(10**12)).encode(),  # a code that no process ends with, nor Postgres takes
        b'{"event": "left", "processes": [{}]}',
        b'{"event": "signal", "signal": 9}',
        b'{"event": "signal", "signal": "TERM", "to": 1, "why": null, "after": NaN}',
        b'{"event": "installed", "source": "cache", "seconds": 1, "stale": null,'
        b' "roles": {"web": 1}, "collections": {}}',  # a version that is no text
        b'{"event": "no such"}',
        b'{"event": ["gone"]}',
        b"[" * 100_000,  # too deep for Python
    ],
)
def test_a_line_that_no_keeper_wrote_is_left_out(tmp_path, line):
    file = tmp_path / "status.jsonl"
    file.write_bytes(line + b"\n" + json.dumps(GONE).encode() + b"\n")

    assert [told["event"] for told in read_lines(file)] == ["gone"]


def fifo(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [fifo, endless, os.mkdir])
def test_what_is_no_plain_file_is_no_record(tmp_path, make):
    make(tmp_path / "status.jsonl")

    assert read_lines(tmp_path / "status.jsonl") == []


JOB = {"pid": 20, "created": 200, "sid": 19}
LEFT = {"event": "left", "processes": [{**JOB, "command": "/bin/mysql -phunter2"}]}


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        # Without the run's secrets there is nothing to mask with: the program only.
        ([ended(0), LEFT, GONE], ({**JOB, "command": "/bin/mysql"},)),
        ([ended(0), GONE], ()),
    ],
)
def test_what_was_left_is_told_by_program_only(lines, left):
    assert recall([STARTED, *lines]).left == left
