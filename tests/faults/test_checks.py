"""Each rule finds the lie that it is there for: a check that cannot fail proves nothing."""

import os
import subprocess
import sys
import time
from collections import Counter
from uuid import uuid4

import psutil
import pytest

from runner import cgroup
from runner.judge import Verdict
from runner.output import TORN
from runner.run import RunState, StopOutcome, Trigger
from runner.store import claims, events, moves, output, runs, stops
from runner.wanted import Wanted
from tests import cgroups
from tests.faults import checks, traces
from tests.faults.world import make_world
from tests.runners import SPEC
from tests.waiting import wait_until

DONE = Verdict(state=RunState.SUCCEEDED, message="done", exit_code=0)
STOPPED = Verdict(state=RunState.STOPPED, message="", stop_outcome=StopOutcome.TERMINATED)


@pytest.fixture(scope="module")
def world():
    """One without any process; each test tells a lie of a run, or a thing, of its own."""
    with make_world() as world:
        yield world


@pytest.fixture
def conn(world):
    return world.conn


@pytest.fixture
def running(conn):
    """Makes runs that nobody holds, whatever their rows say."""

    def make():
        wanted = Wanted(template="quick", spec=SPEC, trigger=Trigger.API, by="ada")
        run = runs.insert(conn, wanted)
        place = {"runner": "one.1.1", "machine": "one", "boot": "boot"}
        return claims.claim(conn, run.id, token=uuid4(), lease=600, **place)

    return make


@pytest.fixture
def finish(conn):
    """Writes final rows."""

    def end(run, verdict=DONE, *, complete=True):
        told = {"actor": "one.1.1", "complete": complete, "truncated": False}
        return moves.finish(conn, run, verdict, **told)

    return end


@pytest.fixture
def execute(world):
    """Notes what the witness would."""

    def note(run, attempt, words=0):
        with (world.reports / "ledger").open("a") as ledger:
            ledger.write(f"{run.id} {attempt}\n")
        said = "".join(f"<{attempt} {number}>\n" for number in range(words))
        (world.reports / attempt).write_text(said)
        return said.encode()

    return note


def lies(world, rule, thing):
    """What a rule says of one thing."""
    return [lie for lie in rule(world) if str(thing) in lie]


@pytest.fixture
def child():
    """Starts a process in an environment."""
    started = []

    def start(*command, **environ):
        started.append(subprocess.Popen(command, env={**os.environ, **environ}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_run_that_nobody_settles_is_found(world, running, finish):
    run = running()

    assert lies(world, checks.every_run_comes_to_its_end, f"run {run.id} is still running")

    finish(run)
    assert not lies(world, checks.every_run_comes_to_its_end, f"run {run.id} ")


def test_a_process_under_a_final_row_is_found(world, running, finish, child):
    run = finish(running())
    mark = {"CURTAIN_RUN": str(run.id), "CURTAIN_INSTALLATION": world.installation}
    process = child("sleep", "300", **mark)

    found = wait_until(lambda: lies(world, checks.no_process_lives_under_a_final_row, process.pid))

    assert f"run {run.id} is succeeded" in found[0]


def test_a_branded_process_is_found_without_its_mark(world, running, finish, child):
    run = finish(running())
    process = child("sleep", "300")
    number = int(world.installation, 16) % 2**31 * 2**32 + run.id
    psutil.Process(process.pid).rlimit(10, (number, -1))

    assert lies(world, checks.no_process_lives_under_a_final_row, process.pid)


def test_a_changed_final_row_is_found(world, conn, running, finish):
    run = finish(running())
    assert not lies(world, checks.no_final_row_was_changed, f"run {run.id} ")

    conn.execute("ALTER TABLE runs DISABLE TRIGGER keep_final")
    conn.execute("UPDATE runs SET exit_code = 7 WHERE id = %s", [run.id])
    conn.execute("ALTER TABLE runs ENABLE TRIGGER keep_final")

    assert lies(world, checks.no_final_row_was_changed, f"run {run.id} ")


def test_a_deleted_final_row_is_found(world, conn, running, finish):
    run = finish(running())

    conn.execute("DELETE FROM runs WHERE id = %s", [run.id])

    assert lies(world, checks.no_final_row_was_changed, f"run {run.id} ")


def test_what_is_told_of_a_run_after_its_end_is_found(world, conn, running, finish):
    run = finish(running())

    events.append(conn, run.id, "late_result", "one", {})
    assert not lies(world, checks.no_final_row_was_changed, f"run {run.id} ")
    events.append(conn, run.id, "playing", "one", {})

    assert lies(world, checks.no_final_row_was_changed, f"run {run.id} ")


def test_a_second_execution_is_found(world, running, execute):
    run = running()

    execute(run, f"{run.id}-a")
    assert not lies(world, checks.no_run_was_executed_twice, f"run {run.id} ")
    execute(run, f"{run.id}-b")

    assert lies(world, checks.no_run_was_executed_twice, f"run {run.id} ")


def test_a_requeued_run_may_be_executed_once_more(world, conn, running, execute):
    run = running()
    events.append(conn, run.id, "requeued", "one", {})

    execute(run, f"{run.id}-a")
    execute(run, f"{run.id}-b")
    assert not lies(world, checks.no_run_was_executed_twice, f"run {run.id} ")
    execute(run, f"{run.id}-b")

    assert lies(world, checks.no_run_was_executed_twice, f"{run.id}-b was executed 2 times")


@pytest.mark.parametrize(
    ("change", "complete", "is_lie"),
    [
        (lambda said: said, True, False),  # the truth
        (lambda said: b"PLAY [all] ***\n" + said, True, False),  # ansible's own words between
        (lambda said: said[: len(said) // 2], True, True),  # called whole
        (lambda said: said[: len(said) // 2], False, False),  # and it says so
        (lambda said: said.replace(b" 3>", b" ?>"), False, True),  # a hole that nobody tells of
        (lambda said: said.replace(b" 3>", TORN % 9), False, False),  # and one of which it is told
        (lambda said: said.replace(b" 3>", TORN % 9), True, True),  # but the row knows nothing
        (lambda said: said + said, True, True),  # stored twice
    ],
    ids=[
        "truth",
        "between",
        "called whole",
        "torn, and it says so",
        "hole",
        "gap",
        "called whole with a gap",
        "twice",
    ],
)
def test_output_that_is_not_what_was_written_is_found(
    world, conn, running, finish, execute, change, complete, is_lie
):
    run = running()
    said = execute(run, f"{run.id}-a", words=10)
    assert output.append(conn, run.id, run.lease_token, 0, change(said))
    finish(run, complete=complete)

    found = lies(world, checks.output_is_what_was_written, f"run {run.id}:")

    assert bool(found) is is_lie


def test_chunks_with_a_hole_are_found(world, conn, running):
    run = running()
    assert output.append(conn, run.id, run.lease_token, 0, b"abc")
    conn.execute("UPDATE run_output SET start = 1 WHERE run_id = %s", [run.id])

    assert lies(world, checks.output_is_what_was_written, f"run {run.id}:")


@pytest.mark.parametrize("count", [0, 2], ids=["untold", "told twice"])
def test_an_end_that_is_not_told_once_is_found(world, conn, running, finish, count):
    run = finish(running())
    assert not lies(world, checks.each_run_has_one_end, f"run {run.id} ")

    if count:
        events.append(conn, run.id, "succeeded", "one", {})
    else:
        conn.execute("DELETE FROM run_events WHERE run_id = %s", [run.id])

    assert lies(world, checks.each_run_has_one_end, f"run {run.id} ")


def test_a_stop_that_does_not_tell_what_it_took_is_found(world, conn, running, finish):
    run = running()
    stops.request_stop(conn, run.id, by="admin", reason="because", force=False)
    finish(run, Verdict(state=RunState.STOPPED, message=""))

    assert lies(world, checks.each_stop_tells_who_and_why_and_what_it_took, f"run {run.id} ")


@pytest.mark.parametrize("reason", ["because", "something else"])
def test_a_stop_that_does_not_tell_why_is_found(world, conn, running, finish, reason):
    run = running()
    stops.request_stop(conn, run.id, by="admin", reason="because", force=False)
    finish(run, STOPPED)
    world.reasons[run.id] = reason

    rule = checks.each_stop_tells_who_and_why_and_what_it_took

    assert bool(lies(world, rule, f"run {run.id}:")) is (reason != "because")


ZOMBIE = "import os, time; pid = os.fork(); pid or os._exit(0); print(pid, flush=True)"


def test_a_zombie_is_found(world):
    script = f"{ZOMBIE}; time.sleep(300)"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with parent:
        pid = int(parent.stdout.readline())
        zombies = wait_until(lambda: traces.zombies(parent.pid))
        parent.kill()

    assert zombies == [pid]


def test_a_descriptor_that_stays_open_is_found():
    before = traces.descriptors(os.getpid())
    pipe = os.pipe()

    more = traces.descriptors(os.getpid()) - before
    for descriptor in pipe:
        os.close(descriptor)

    assert more == Counter(pipe=2)


@pytest.mark.parametrize(
    ("where", "rule"),
    [
        ("state/runs/mark/7-abcdef01", traces.no_directory_is_left),
        ("tmp/curtain-7-abcdef01", traces.no_temporary_file_is_left),
    ],
    ids=["run", "temporary"],
)
def test_what_is_left_on_the_disk_is_found(world, where, rule):
    left = world.one.folder / where
    left.mkdir(parents=True)

    found = lies(world, rule, left.name)

    left.rmdir()
    assert found
    assert not lies(world, rule, left.name)


def test_a_cgroup_that_is_left_is_found(world):
    name = cgroup.name_of(world.installation, "7-abcdef01")
    left = cgroups.require_parent_in("") / name
    left.mkdir()

    found = lies(world, traces.no_cgroup_is_left, name)

    left.rmdir()
    assert found
    assert not lies(world, traces.no_cgroup_is_left, name)


def test_an_old_directory_is_offered_to_the_watchdog(world):
    left = world.one.folder / "state" / "runs" / "mark" / "8-abcdef01"
    left.mkdir(parents=True)

    list(traces.no_directory_is_left(world))

    assert time.time() - left.stat().st_mtime > 60
    left.rmdir()


@pytest.mark.parametrize(
    ("key", "expires", "is_lie"),
    [
        ("curtain:bell", False, False),  # one for all, and bounded
        ("rq:job:12", True, False),  # it goes by itself
        ("rq:job:13", False, True),  # a run's, for ever
        ("curtain:group:14", False, True),  # the same
    ],
)
def test_a_key_for_ever_is_found(world, key, expires, is_lie):
    with world.redis() as redis:
        redis.set(key, "", ex=60 if expires else None)

        found = lies(world, traces.no_key_is_left, key)

        redis.delete(key)
    assert bool(found) is is_lie


def test_a_runner_that_stays_listed_is_found(world, conn):
    conn.execute("INSERT INTO runners (name, machine, boot, slots) VALUES ('gone', '', '', 1)")

    found = lies(world, traces.no_dead_runner_stays_listed, "gone")

    conn.execute("DELETE FROM runners")
    assert found
