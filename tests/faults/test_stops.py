"""A stop at any moment, by anybody: the run ends, and its row tells how it did."""

import os
import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import pytest

from jobs import runs as jobs
from runner import linux, queue
from runner.run import RunState, StopOutcome
from runner.store import stops
from tests import playbooks
from tests.audit import running
from tests.repositories import make_repository
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine

#: What signals are sent for when a stop was asked for.
STOP = ("stop", "force")


def wait_for(moment):
    """Let time pass until *moment*, which is monotonic."""
    wait_until(lambda: time.monotonic() >= moment, interval=0.0005)


def signals(world, run):
    """Those that a stop has sent, in their order."""
    sent = [event.detail for event in world.events(run, "signalled")]
    return [detail["signal"] for detail in sent if detail["why"] in STOP]


def ended_by_itself(world, run):
    """Whether the leader had ended before a stop sent anything."""
    told: list[str] = []
    for event in world.events(run):
        if event.kind == "claimed":  # what an attempt did that had not begun counts no more
            told.clear()
        elif event.kind == "exited" or (event.kind == "signalled" and event.detail["why"] in STOP):
            told.append(event.kind)
    return told[:1] == ["exited"]


def await_truth(world, run):
    """Wait for the end; it is what the history says of signals and exit codes."""
    final = world.await_final(run)
    assert world.family(run) == []
    if final.stop_outcome is StopOutcome.NEVER_STARTED:
        assert (final.state, final.exit_code) == (RunState.STOPPED, None)
        assert world.executions(run) == []
    elif ended_by_itself(world, run):
        assert (final.state, final.exit_code) == (RunState.SUCCEEDED, 0)
        assert final.stop_outcome in (None, StopOutcome.TOO_LATE)
    else:
        how = StopOutcome.KILLED if "KILL" in signals(world, run) else StopOutcome.TERMINATED
        assert (final.state, final.stop_outcome) == (RunState.STOPPED, how)
    return final


def declare_sleeping(world, word, **template):
    """Let "sleeping" be told from everybody else's."""
    world.declare("sleeping", playbooks.SLEEPING.replace("300", word), **template)


# From the queue to the first instruction


def test_a_stop_between_claim_and_spawn(roomy_world, word):
    """The keepers stand still: the orders wait in their pipes when the stops come."""
    world = roomy_world
    declare_sleeping(world, word)
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    runs = [world.trigger("sleeping") for _ in keepers]
    for run in runs:
        world.await_phase(run, "preparing")

    for force, run in zip((False, True), runs, strict=True):
        assert world.stop(run, force=force, reason="because").status == 202
    for keeper in keepers:
        keeper.resume()

    for run in runs:
        assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED


def test_a_stop_between_dequeue_and_claim(roomy_world, word):
    """Postgres is silent towards the runner, which has the job in hand."""
    world = roomy_world
    declare_sleeping(world, word)
    world.one.postgres.black_hole()
    run = world.trigger("sleeping")
    with world.redis() as redis:
        wait_until(lambda: not queue.waiting(redis))

    stopped = world.stop(run, reason="because")
    world.one.postgres.restore()

    assert (stopped.status, stopped.json["state"]) == (202, "stopped")
    assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED
    assert world.await_final(world.trigger("quick")).state is RunState.SUCCEEDED
    assert [event.kind for event in world.events(run)] == ["queued", "stopped"]


def test_a_stop_while_the_leader_waits_at_its_gate(roomy_world, word):
    """Its registration is under way and does not arrive; the bell does."""
    world = roomy_world
    declare_sleeping(world, word)
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    run = world.trigger("sleeping")
    world.await_phase(run, "preparing")
    world.one.postgres.black_hole()
    for keeper in keepers:
        keeper.resume()
    wait_until(lambda: world.family(run))

    world.stop(run, reason="because")
    wait_until(lambda: world.family(run) == [])
    world.one.postgres.restore()

    assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED


def test_a_stop_in_the_first_moments_of_a_playbook(world, word):
    """Python still starts, ansible imports, the play begins: 0 to 50 ms after the exec."""
    declare_sleeping(world, word)
    for delay, force in product(range(0, 55, 5), (False, True)):
        run = world.trigger("sleeping", web=delay % 2)
        wait_until(lambda run=run: world.find(run).phase == "playing", interval=0.001)
        wait_for(time.monotonic() + delay / 1000)

        assert world.stop(run, force=force, web=delay % 2).status == 202

        final = await_truth(world, run)
        assert final.state is RunState.STOPPED, f"after {delay} ms"
        assert signals(world, run)[0] == ("KILL" if force else "INT")
        assert running(word) == []


# At the other end

#: Ends well as soon as somebody has opened and closed the pipe.
GATED = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - command: cat {{ gate }}
"""


@pytest.mark.parametrize("count", [5, 10])
def test_a_stop_as_the_playbook_ends_well(roomy_world, word, tmp_path, count):
    """Fired from its last task to after its death: never is a success told of who was signalled."""
    world = roomy_world
    gate = tmp_path / word
    world.declare("gated", GATED, accepts={"gate": {"type": "string", "required": True}})
    waiting = []
    for number in range(count):
        os.mkfifo(f"{gate}.{number}")
        waiting.append(world.trigger("gated", gate=f"{gate}.{number}"))
    runs = [world.await_ready(run) for run in waiting]
    leader, seconds = linux.read(runs[0].leader_pid), 0.0
    answers = []
    for number, run in enumerate(runs):
        with open(f"{gate}.{number}", "wb"):
            opened = time.monotonic()
        if number == 0:  # this one tells how long it takes
            wait_until(lambda: linux.read(leader.pid) != leader, interval=0.001)
            seconds = time.monotonic() - opened
        wait_for(opened + seconds * number / (0.7 * count))
        answers.append(world.stop(run, force=bool(number % 2), web=number % 2))

    for run, answer in zip(runs, answers, strict=True):
        final = await_truth(world, run)
        assert answer.status in (202, 409)
        if answer.status == 409:
            assert (final.state, final.stop_requested_at) == (RunState.SUCCEEDED, None)


# During what may hang


@pytest.fixture
def silent_port():
    """A port whose server takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def hanging_disk(tmp_path, word):
    """The path of a repository that git can open and not read."""
    repository = make_repository(tmp_path / word, {"site.yml": playbooks.HELLO})
    os.mkfifo(repository.path / ".git" / "packed-refs")
    return repository.path


def test_a_stop_of_a_hanging_clone(roomy_world, silent_port, hanging_disk):
    """Of each kind, gracefully and by force."""
    world = roomy_world
    sources = {
        "https": (f"https://127.0.0.1:{silent_port}/ops.git", "main"),
        "ssh": (f"ssh://git@127.0.0.1:{silent_port}/ops.git", "main"),
        "disk": (f"file://{hanging_disk}", "main"),  # git ls-remote hangs
        # git fetch hangs; the second run waits for the first one's, of the same store
        "pinned": (f"file://{hanging_disk}", "a" * 40),
    }
    for name, (url, ref) in sources.items():
        source = {"repository": url, "ref": ref, "path": "site.yml"}
        world.declare(name, playbook=source)
    for name in sources:
        runs = [world.trigger(name) for _ in range(2)]
        for run in runs:
            wait_until(lambda run=run: world.family(run))
        wait_until(lambda runs=runs: any(_is_cloning(world, run) for run in runs))

        for force, run in zip((False, True), runs, strict=True):
            world.stop(run, force=force, reason="because")

        for run in runs:
            assert await_truth(world, run).state is RunState.STOPPED, name
            assert world.executions(run) == []
    for trace in (f"127.0.0.1:{silent_port}", f"-p {silent_port}", str(hanging_disk)):
        assert running(trace) == []


def _is_cloning(world, run):
    return any(member.command.startswith("git") for member in world.family(run))


#: An inventory that never answers: as such, and one that defends itself.
SLOW = "#!/bin/sh\nsleep {word}\n"
DEAF = "#!/bin/sh\ntrap '' TERM INT HUP\nsetsid sleep {word} &\nwhile :; do sleep {word}; done\n"


def test_a_stop_of_a_hanging_inventory(roomy_world, word):
    """A program of the repository's says which hosts there are, and does not come to it."""
    world = roomy_world
    for name, script in (("slow", SLOW), ("deaf", DEAF)):
        file = world.repository.path / f"{name}.sh"
        file.write_text(script.format(word=word))
        file.chmod(0o755)
        world.declare(name, playbooks.HELLO, inventory={"path": file.name})
    runs = {(name, force): world.trigger(name) for name in ("slow", "deaf") for force in (0, 1)}
    wait_until(lambda: len(running(f"sleep {word}")) == 6)

    for (_, force), run in runs.items():
        world.stop(run, force=bool(force), reason="because")

    for run in runs.values():
        assert await_truth(world, run).state is RunState.STOPPED


#: A callback of the repository's that writes as fast as it is read, for as long as it lives.
FLOOD = """
import os
import threading
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "flood"

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action == "command":
            threading.Thread(target=self._flood, daemon=True).start()

    def _flood(self):
        while True:
            os.write(1, b"y\\n" * 32768)
"""
ENOUGH = 5_000_000  # bytes, after which it is a flood


def test_a_stop_during_a_flood(roomy_world, word):
    """Whatever waits to be stored, the stop is heard, and what is stored has no hole."""
    world = roomy_world
    config = (world.repository.path / "ansible.cfg").read_text()
    flooded = {"ansible.cfg": f"{config.rstrip()},flood\n", "plugins/flood.py": FLOOD}
    world.repository.commit(flooded)
    declare_sleeping(world, word)
    runs = [(force, world.trigger("sleeping")) for force in (False, True)]
    for _, run in runs:
        wait_until(lambda run=run: world.find(run).output_bytes > ENOUGH)

    for force, run in runs:
        world.stop(run, force=force, reason="because")

    for _, run in runs:
        assert await_truth(world, run).state is RunState.STOPPED


# By many


CALLERS = 50
MANY = 1000


def test_a_thousand_stops_by_fifty_callers(world, word):
    """Most of the runs wait; ten play at a time, and others are claimed while the stops come."""
    declare_sleeping(world, word)
    with ThreadPoolExecutor(CALLERS) as callers:
        triggered = callers.map(
            lambda number: world.ask_for("sleeping", web=number % 2), range(MANY)
        )
        assert Counter(answer.status for answer in triggered) == {202: MANY}
        runs = world.rows()
        random.shuffle(runs)

        stopped = callers.map(
            lambda run: world.stop(run, force=run.id % 3 == 0, reason="all", web=run.id % 2), runs
        )

        assert Counter(answer.status for answer in stopped) == {202: MANY}
    live = "SELECT count(*) AS live FROM runs WHERE finished_at IS NULL"
    wait_until(lambda: world.conn.execute(live).fetchone()["live"] == 0, timeout=120, interval=0.1)
    outcomes = Counter(run.stop_outcome for run in world.rows())
    assert {run.state for run in world.rows()} == {RunState.STOPPED}
    assert outcomes[StopOutcome.NEVER_STARTED] > MANY / 2
    assert outcomes[StopOutcome.TOO_LATE] == 0
    assert world.living() == {}


def test_a_stop_and_then_a_force_by_another(roomy_world, word):
    """Who and when of both are on the run; the grace is cut short."""
    world = roomy_world
    world.declare("ignoring", playbooks.IGNORING.replace("sleep 1", f"sleep {word}"), grace=300)
    run = world.trigger("ignoring")
    wait_until(lambda: f"sleep {word}" in map(linux.command, running(word)))
    world.stop(run, reason="gently")
    wait_until(lambda: "TERM" in signals(world, run))

    forced = stops.request_stop(world.conn, run.id, by="grace", reason="now", force=True)
    with world.redis() as redis:
        jobs.ring_stop(redis, forced)

    final = await_truth(world, run)
    told = world.webs[1].client.call("GET", f"/runs/{run.id}").json["stop"]
    assert (told["by"], told["reason"], told["forced_by"]) == ("admin", "gently", "grace")
    assert told["requested_at"] < told["forced_at"]
    assert final.stop_outcome is StopOutcome.KILLED
    assert final.stop_seconds < 60
    asked = [event for event in world.events(run) if event.kind.endswith("_requested")]
    assert [(event.kind, event.actor) for event in asked] == [
        ("stop_requested", "admin"),
        ("force_requested", "grace"),
    ]


def test_a_stop_by_both_webs_at_once(roomy_world, word):
    world = roomy_world
    declare_sleeping(world, word)
    forces = [(False, False), (False, True), (True, True)]
    runs = [world.trigger("sleeping") for _ in forces]
    for run in runs:
        world.await_ready(run)
    barrier = Barrier(2 * len(runs))

    def stop(run, force, web):
        barrier.wait()
        return world.stop(run, force=force, web=web).status

    with ThreadPoolExecutor(2 * len(runs)) as callers:
        asked = [
            callers.submit(stop, run, force, web)
            for run, pair in zip(runs, forces, strict=True)
            for web, force in enumerate(pair)
        ]
    # 409: the other one was heard, and obeyed, before.
    assert {each.result() for each in asked} <= {202, 409}
    for run, pair in zip(runs, forces, strict=True):
        assert await_truth(world, run).state is RunState.STOPPED
        kinds = Counter(event.kind for event in world.events(run))
        assert kinds["stop_requested"] + kinds["force_requested"] in (1, 1 + (pair[0] != pair[1]))
        assert kinds["force_requested"] <= any(pair)


# While it is queued again


#: Seconds from the shutdown to the stop.
LEADS = (-0.3, -0.02, 0.0, 0.02, 0.3)


def test_a_stop_of_a_run_that_is_queued_again(roomy_world, word):
    """Its runner is shut down before, after or as the stop comes; nobody plays it another time."""
    world = roomy_world
    declare_sleeping(world, word, on_interrupt="requeue")
    for lead in LEADS:
        runs = [world.await_ready(world.trigger("sleeping")) for _ in range(2)]
        now = time.monotonic()
        with ThreadPoolExecutor(1) as platform:
            leaving = platform.submit(_shut_down, world.one, now + max(0.0, -lead))
            wait_for(now + max(0.0, lead))
            answers = [world.stop(run, force=bool(run.id % 2), web=run.id % 2) for run in runs]
            assert leaving.result() == 0
        world.start(world.one)

        assert {answer.status for answer in answers} == {202}
        for run in runs:
            final = world.await_final(run)
            assert (final.state, final.attempt) == (RunState.STOPPED, 1), f"after {lead} s"
            assert len(world.executions(run)) == 1
        assert running(word) == []


def _shut_down(runner, moment):
    wait_for(moment)
    return runner.terminate()
