"""What is written of an end, and what is swept: the parts of it that need no playbook."""

import json
import os
import subprocess
import time
import uuid

import psutil
import pytest

from runner import family
from runner.books import Books
from runner.containment import SUBREAPER, Containment
from runner.directories import sweep_directories
from runner.ends import Ends
from runner.live import EMPTY_LOOKS, Live
from runner.mark import mark
from runner.output import Output
from runner.queue import enqueue
from runner.record import read_lines
from runner.run import RunState, StopOutcome, Trigger
from runner.settings import Settings
from runner.starts import Starts
from runner.store import claims, runs, stops, verdicts
from runner.wanted import Wanted
from tests.unit.test_settings import NEEDED
from tests.waiting import wait_until

WANTED = Wanted(
    template="t",
    spec={"timeout": 60, "grace": 10, "queue_timeout": None},
    trigger=Trigger.API,
    by="ada",
)


class NoKeeper:
    """Takes requests and does nothing."""

    pid = 0

    def request(self, letter):
        """Do nothing."""

    def open_gate(self):
        """Do nothing."""


@pytest.fixture
def make_live(conn, tmp_path):
    """A run that is held, whose family is as its keeper tells."""

    def make(secrets=None, *lines):
        run = runs.insert(conn, WANTED)
        names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
        run = claims.claim(conn, run.id, token=uuid.uuid4(), lease=30, **names)
        live = Live(
            run, NoKeeper(), Output(tmp_path, secrets or {}, 10**6), tmp_path, event_limit=1000
        )
        live.hear({"event": "started", "pid": 7, "pgid": 7, "created": 1, "keeper": 6})
        for line in lines:
            live.hear(line)
        live.write(conn)
        return live

    return make


@pytest.fixture
def ends():
    """Settles as the runner of the runs."""
    settling = Ends("here.1.2")
    yield settling
    settling.close()


GONE = {"event": "gone", "rounds": 1, "seconds": 0.1}
EXIT = {"event": "exit", "code": 0, "signalled": [], "never_started": False}


def killed(why):
    return {"event": "signal", "signal": "KILL", "to": 1, "why": why, "after": 0.0}


def ended(code, *signalled):
    return {"event": "exit", "code": code, "signalled": signalled, "never_started": False}


ENDED_FOR_IT = "its lease had run out, so its family was ended"


@pytest.mark.parametrize(
    ("lines", "state", "message"),
    [
        ([ended(0)], "succeeded", "the playbook ended well"),  # nobody was there to see it
        ([ended(2)], "failed", "a task failed on at least one host (exit code 2)"),
        ([killed("force"), ended(-9, "KILL")], "interrupted", ENDED_FOR_IT),  # by us
        ([ended(-15)], "interrupted", ENDED_FOR_IT),  # by the watchdog that took the lease
        (
            [killed("timeout"), ended(-9, "KILL")],
            "timed_out",
            "its time limit of 60 seconds passed while it was preparing",
        ),
    ],
)
def test_a_late_result_says_whether_the_run_had_ended_by_itself(
    conn, make_live, ends, lines, state, message
):
    live = make_live(None, *lines, GONE)
    conn.execute("UPDATE runs SET lease_expires_at = now() - interval '1 second'")
    assert verdicts.lose(conn, runs.find(conn, live.run.id), actor="w", message="vanished")
    live.tenure.lose()

    ends.settle(conn, live, shutting_down=False)

    told = runs.find(conn, live.run.id).late_result
    assert (told["state"], told["message"]) == (state, message)


def test_an_end_whose_answer_was_lost_is_not_a_late_result(conn, make_live, ends):
    live = make_live(None, EXIT, GONE)
    ends.settle(conn, live, shutting_down=False)

    again = ends.settle(conn, live, shutting_down=False)

    assert again.state is RunState.SUCCEEDED
    assert again.late_result is None


def test_survivors_are_named_without_secrets(conn, make_live):
    survivor = {"pid": 9, "uid": 1, "command": "mysql -phunter22 db"}

    live = make_live({"password": "hunter22"}, {"event": "survivors", "processes": [survivor]})

    assert runs.find(conn, live.run.id).survivors == [
        {**survivor, "command": "mysql -p******** db"}
    ]


def test_a_run_in_plain_words_is_better_than_none(conn, make_live, ends):
    live = make_live(None, EXIT, GONE)

    run = ends.settle(conn, live, shutting_down=False, in_plain_words=True)

    assert run.state is RunState.FAILED
    assert "see the log" in run.message


def test_directories_that_nobody_removed_are_swept(conn, tmp_path, make_live):
    live = make_live()
    here = tmp_path / "runs" / runs.installation(conn)
    old = time.time() - 3600
    used = here / f"{live.run.id}-00000abc"
    # Another name of the same place: a link, or another mount.
    elsewhere = f"/elsewhere/{used.name}"
    conn.execute("UPDATE runs SET directory = %s WHERE id = %s", [elsewhere, live.run.id])
    before, none, new = f"{live.run.id}-0000beef", "99-0000beef", "98-0000beef"
    made = {name: here / name for name in (used.name, before, none, new, "lost+found")}
    for name, path in made.items():
        path.mkdir(parents=True)
        (path / "order.json").write_text("secret")
        if name != new:
            os.utime(path, (old, old))

    sweep_directories(conn, tmp_path / "runs")

    assert {path.name for path in here.iterdir()} == {used.name, new, "lost+found"}


def test_what_a_playbook_makes_does_not_hold_up_the_sweep(conn, tmp_path):
    """A link to itself, and directories deeper in each other than Python goes down."""
    here = tmp_path / "runs" / runs.installation(conn)
    deep = here / "98-0000beef"
    deep.mkdir(parents=True)
    (here / "loop").symlink_to("loop")
    deepest = os.open(deep, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=deepest)
        above, deepest = deepest, os.open("d", os.O_RDONLY, dir_fd=deepest)
        os.close(above)
    os.close(deepest)
    os.utime(deep, (time.time() - 3600,) * 2)

    sweep_directories(conn, tmp_path / "runs")

    assert [path.name for path in here.iterdir()] == ["loop"]


def test_a_claim_that_was_not_heard_of_is_queued_again(conn, make_live, tmp_path):
    """The row is ours and nobody holds it."""
    starts = Starts("here.1.2", Settings.from_environ(NEEDED), None, None, Containment(SUBREAPER))
    held = make_live()
    forgotten = runs.insert(conn, WANTED)
    names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
    claims.claim(conn, forgotten.id, token=uuid.uuid4(), lease=30, **names)

    starts.recover(conn, {held.run.lease_token})

    assert runs.find(conn, forgotten.id).state is RunState.QUEUED
    assert runs.find(conn, held.run.id).state is RunState.RUNNING


def test_a_job_that_redis_has_forgotten_is_forgotten(conn, redis):
    """It was flushed between the taking and the dropping."""
    run = runs.insert(conn, WANTED)
    enqueue(redis, run.id, timeout=60)
    books = Books(redis, "here.1.2", beat=10)
    entry = books.take()
    redis.flushdb()

    books.drop(entry)

    assert redis.keys() == []


def test_a_record_that_cannot_be_read_is_no_record(tmp_path):
    (tmp_path / "status.jsonl").mkdir()

    assert read_lines(tmp_path / "status.jsonl") == []


def test_a_lost_claim_that_was_to_be_stopped_is_stopped(conn, tmp_path):
    starts = Starts("here.1.2", Settings.from_environ(NEEDED), None, None, Containment(SUBREAPER))
    run = runs.insert(conn, WANTED)
    names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
    claims.claim(conn, run.id, token=uuid.uuid4(), lease=30, **names)
    stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    starts.recover(conn, set())

    stopped = runs.find(conn, run.id)
    assert (stopped.state, stopped.stop_outcome) == (RunState.STOPPED, StopOutcome.NEVER_STARTED)


def test_an_end_that_postgres_has_forgotten_is_lost(conn, make_live):
    """A standby took over: the row is ours and running, and nobody holds it."""
    starts = Starts("here.1.2", Settings.from_environ(NEEDED), None, None, Containment(SUBREAPER))
    starts.installation = runs.installation(conn)
    run = make_live().run

    starts.recover(conn, set())

    assert runs.find(conn, run.id).state is RunState.LOST


LEFT = {"pid": 20, "created": 200, "sid": 19, "command": "sleep 300"}


def test_a_list_that_the_pipe_could_not_take_is_read_from_the_record(
    conn, make_live, ends, tmp_path
):
    gone = {**GONE, "left": 1}
    lines = [EXIT, {"event": "left", "processes": [LEFT]}, gone]
    (tmp_path / "status.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    live = make_live(None, EXIT, gone)

    assert ends.settle(conn, live, shutting_down=False).left_running == [LEFT]


def test_what_a_keeper_has_left_is_not_left_if_it_was_killed_before_it_was_gone(
    conn, make_live, ends
):
    live = make_live(None, EXIT, {"event": "left", "processes": [LEFT]})
    live.note_keeper_end(-9)
    for _ in range(EMPTY_LOOKS):
        live.note_sweep(0, [], is_gone=True, is_proved=False)

    assert ends.settle(conn, live, shutting_down=False).left_running == []


def test_a_sweep_spares_the_next_attempt_of_a_run_that_is_another_runners(conn, make_live, ends):
    """It carries the same mark; a runner that thaws may still hold the attempt before."""
    live = make_live()
    live.note_keeper_end(-9)
    installation = runs.installation(conn)
    ours = {child.pid for child in psutil.Process().children()}  # the services, without xdist
    environ = {**os.environ, **mark(live.run.id, installation)}
    subprocess.run(["setsid", "--fork", "sleep", "300"], env=environ, check=True)

    def members():
        return family.find(installation).get(live.run.id, [])

    # By then it is no setsid any more, under the same number.
    [other] = wait_until(lambda: [each for each in members() if each.command == "sleep 300"])

    live.tenure.lose()
    ends.sweep(live, installation, ours)
    spared = members()
    family.kill(other)

    assert spared == [other]
    wait_until(lambda: not family.find(installation))
