"""How ends are judged: the table of the design, line by line."""

from datetime import UTC, datetime

import pytest

from runner.judge import End, explain, judge
from runner.run import RunState, StopOutcome
from tests.made import make_run

LEFT = ({"pid": 20, "created": 200, "sid": 19, "command": "sleep 300"},)

ASKED = {
    "stop_requested_at": datetime.now(UTC),
    "stop_requested_by": "grace",
    "stop_reason": "wrong branch",
}


@pytest.mark.parametrize(
    ("asked", "end", "state", "exit_code", "says"),
    [
        ({}, End(exit_code=0), RunState.SUCCEEDED, 0, "ended well"),
        ({}, End(exit_code=2), RunState.FAILED, 2, "a task failed"),
        ({}, End(exit_code=4, tail="web : ok=1 unreachable=1"), RunState.FAILED, 4, "unreachable"),
        ({}, End(exit_code=4, tail="[ERROR]: bad"), RunState.FAILED, 4, "not valid (exit code 4): bad"),
        ({}, End(exit_code=-9), RunState.FAILED, -9, "SIGKILL, not by Curtain"),
        ({}, End(exit_code=-15), RunState.FAILED, -15, "SIGTERM, not by Curtain"),
        # A platform signals every process of the container.
        ({}, End(exit_code=-15, shutting_down=True), RunState.INTERRUPTED, -15, "platform"),
        ({}, End(exit_code=-40), RunState.FAILED, -40, "signal 40, not by Curtain"),
        # What Postgres cannot keep must not keep a run from its end.
        ({}, End(exit_code=4, tail="[ERROR]: no\0pe\ud800"), RunState.FAILED, 4, "no\ufffdpe\ufffd"),
        ({}, End(exit_code=65, refusal="no 'x.yml'"), RunState.FAILED, None, "no 'x.yml'"),
        ({}, End(exit_code=None), RunState.FAILED, None, "keeper was killed"),
        # Signals of ours, for other reasons than a stop.
        ({}, End(exit_code=99, signalled=("INT",), why="timeout"), RunState.TIMED_OUT, 99, "60 seconds"),
        ({}, End(exit_code=99, signalled=("INT",), why="shutdown"), RunState.INTERRUPTED, 99, "shut down"),
        ({}, End(exit_code=-15, signalled=("TERM",), why="orphaned"), RunState.INTERRUPTED, -15, "died"),
        ({}, End(exit_code=None, why="orphaned", never_started=True), RunState.INTERRUPTED, None, "stood still"),
        # A stop that reached somebody alive, whatever the exit code then was.
        (ASKED, End(exit_code=99, signalled=("INT",), why="stop"), RunState.STOPPED, 99, "by grace: wrong"),
        (ASKED, End(exit_code=0, signalled=("INT",), why="stop"), RunState.STOPPED, 0, "by grace"),
        (ASKED, End(exit_code=-9, signalled=("KILL",), why="force"), RunState.STOPPED, -9, "by grace"),
        (ASKED, End(exit_code=-9, why="stop", never_started=True), RunState.STOPPED, None, "before it was"),
        # The runner died with the flag in the row: its keeper's signal was the stop.
        (ASKED, End(exit_code=-15, signalled=("TERM",), why="orphaned"), RunState.STOPPED, -15, "by grace"),
        # The platform's signal came before ours, which the same runner was about to send.
        (ASKED, End(exit_code=-15, shutting_down=True), RunState.STOPPED, -15, "by grace: wrong"),
        (ASKED, End(exit_code=-15), RunState.FAILED, -15, "SIGTERM, not by Curtain"),
        # Asked, but it had ended by itself already.
        (ASKED, End(exit_code=0), RunState.SUCCEEDED, 0, "ended well"),
        (ASKED, End(exit_code=2), RunState.FAILED, 2, "a task failed"),
        # Its time was up before anybody asked.
        (ASKED, End(exit_code=99, signalled=("INT",), why="timeout"), RunState.TIMED_OUT, 99, "60 seconds"),
    ],
)  # fmt: skip
def test_an_end_is_judged_by_what_was_signalled(asked, end, state, exit_code, says):
    verdict = judge(make_run(**asked), end)

    assert (verdict.state, verdict.exit_code) == (state, exit_code)
    assert says in verdict.message


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (End(exit_code=99, signalled=("INT",), why="stop"), StopOutcome.TERMINATED),
        (End(exit_code=-15, signalled=("INT", "TERM"), why="stop"), StopOutcome.TERMINATED),
        (End(exit_code=99, signalled=("INT", "TERM", "KILL"), why="stop"), StopOutcome.KILLED),
        (End(exit_code=-9, never_started=True, why="force"), StopOutcome.NEVER_STARTED),
        (End(exit_code=-15, shutting_down=True), StopOutcome.TERMINATED),
    ],
)
def test_a_stop_tells_how_hard_it_was(end, outcome):
    assert judge(make_run(**ASKED), end).stop_outcome is outcome


@pytest.mark.parametrize(
    ("playing_at", "says"),
    [
        (None, "its time limit of 60 seconds passed while it was preparing"),
        (datetime.now(UTC), "its time limit of 60 seconds passed"),
    ],
)
def test_a_time_out_tells_whether_the_playbook_had_begun(playing_at, says):
    end = End(exit_code=-15, signalled=("TERM",), why="timeout")

    assert judge(make_run(playing_at=playing_at), end).message == says


BANNER = """[ERROR]: Task failed: Failed to connect to the host via ssh: @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
web : ok=0 unreachable=1
"""
MET = """[ERROR]: Task failed: Failed to connect to the host via ssh: Warning: Permanently added '[h]:22' (ED25519) to the list of known hosts.
ada@h: Permission denied (publickey).
web : ok=0 unreachable=1
"""
NO_SCRIPT = "The inventory 'x.sh' begins with #! and is no executable file: so make it one\n"
FAILED = "[WARNING]: Failed to parse inventory with 'x' plugin: a reason\n"
UNREAD = "[ERROR]: No inventory was parsed, please check your configuration and options.\n"


@pytest.mark.parametrize(
    ("code", "tail", "says"),
    [
        (1, "ERROR! the playbook: x.yml could not be found\n", "the playbook: x.yml could not"),
        (4, "\x1b[0;31m[ERROR]: couldn't resolve module\x1b[0m\n", "couldn't resolve module"),
        (250, "", "unexpected error (exit code 250)"),
        (77, "", "ansible-playbook failed (exit code 77)"),
        (
            1,
            f"{FAILED}Standard error from inventory script:\nno such key\n{UNREAD}",
            ": no such key",
        ),
        (
            1,
            f"{FAILED}\n{UNREAD}",
            "cannot be read (exit code 1): Failed to parse inventory with 'x'",
        ),
        (1, f"{NO_SCRIPT}{FAILED}\n{UNREAD}", ": The inventory 'x.sh' begins with #! and"),
        (
            4,
            BANNER,
            "unreachable (exit code 4): Task failed: Failed to connect to the host via ssh: "
            "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!",
        ),
        (4, MET, "via ssh: ada@h: Permission denied (publickey)."),
        (1, UNREAD, ": No inventory was parsed, please check"),
        # With exit code 2 the first error line is some host's, not the run's.
        (
            2,
            "[ERROR]: Task failed: one\n[ERROR]: Task failed: two\n",
            "at least one host (exit code 2)",
        ),
    ],
)
def test_an_exit_code_is_explained_in_ansibles_own_words(code, tail, says):
    assert says in explain(code, tail)


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (End(exit_code=0, left=LEFT), LEFT),
        (End(exit_code=2, left=LEFT), LEFT),
        (End(exit_code=0, why="stop", signalled=("INT",), left=LEFT), ()),  # never, by its keeper
        (End(exit_code=0), ()),
    ],
)
def test_only_an_end_of_its_own_leaves_async_jobs(end, left):
    verdict = judge(make_run(**ASKED), end)

    assert verdict.left_running == left
    assert verdict.detail().get("left_running", ()) == left
