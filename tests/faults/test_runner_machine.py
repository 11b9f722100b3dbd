"""Whatever is done to runs and runners in whatever order, no row lies.

`CURTAIN_EXAMPLES=300 pytest tests/faults/test_runner_machine.py` searches for longer, each time
elsewhere; without it the same few examples are tried in every run of the tests.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from jobs import runs as jobs
from runner import keys, linux, queue
from runner.admission import Admitted
from runner.run import Run, RunState, Trigger
from runner.store import runs
from runner.wanted import Wanted
from tests.faults.crew import Crew
from tests.faults.evidence import Deeds, Evidence
from tests.faults.ledger import DEEDS, ENDLESS, Ledger
from tests.left import left_directories
from tests.repositories import make_repository
from tests.runners import LOCAL, SPEC, Bench
from tests.waiting import wait_until

EXAMPLES = int(os.environ.get("CURTAIN_EXAMPLES", "0"))
SETTLED = 60.0  # seconds in which every run must be final when the faults are over
A_MOMENT = 2.0  # seconds that one step may wait for something that may never come
POSTS = st.integers(0, 1)
KINDS = st.sampled_from(sorted(DEEDS))
MACHINES = st.sampled_from(["here", "there"])

SEARCH = settings(
    max_examples=EXAMPLES or 4,
    stateful_step_count=20 if EXAMPLES else 12,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    # Processes are never twice in the same order: a smaller example would be another one.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Scene:
    """What all examples of one test share."""

    bench: Bench
    crew: Crew
    ledger: Ledger
    url: str


@pytest.fixture
def scene(conn, redis, redis_url, database_url, tmp_path):
    """Two runners with short leases, two slots each and no patience at a shutdown."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CURTAIN_ADMIN_TOKEN": "a" * 32,
        "CURTAIN_SECRET_KEY": "b" * 32,
        "CURTAIN_DATA": str(tmp_path / "data"),
        "RUNNER_SLOTS": "2",
        "RUNNER_LEASE": "2",
        "RUNNER_DRAIN": "0",
        "RUNNER_SHUTDOWN_GRACE": "1",
    }
    ledger = Ledger(tmp_path / "plays")
    repository = make_repository(tmp_path / "repository", ledger.playbooks())
    bench, crew = Bench(conn, redis, environ), Crew(environ, tmp_path)
    yield Scene(bench, crew, ledger, repository.url)
    crew.disband(bench.installation)


class RunnerMachine(RuleBasedStateMachine):
    """Runs are triggered and stopped, runners killed and frozen, Redis forgets."""

    known = Bundle("known")
    scene: Scene

    def __init__(self) -> None:
        super().__init__()
        self.bench, self.crew = self.scene.bench, self.scene.crew
        self.deeds = Deeds()
        self.evidence = Evidence(self.bench, self.scene.ledger, self.deeds)
        self._mark = self.crew.mark()
        self._steps: list[str] = []
        self._began = time.monotonic()

    def note(self, step: str) -> None:
        """Remember a step for the message of a failure."""
        self._steps.append(f"{time.monotonic() - self._began:6.2f} {step}")

    @contextlib.contextmanager
    def telling(self):
        """Add to a failure what was done until then, and what became of it."""
        try:
            yield
        except AssertionError as error:
            said = self.crew.log(self._mark)
            error.add_note("\n".join(["steps:", *self._steps, "events:", *self._history(), said]))
            raise

    def _history(self) -> list[str]:
        return [
            f"run {run.id} {event.at:%H:%M:%S.%f} {event.kind} ({event.state}) by {event.actor}: "
            f"{event.detail}"
            for run in self.evidence.runs
            for event in self.bench.events(run)
        ]

    @initialize(target=known, kinds=st.lists(KINDS, min_size=1, max_size=4))
    def begin(self, kinds):
        """Both posts are taken, and somebody wants something."""
        for at, machine in enumerate(("here", "there")):
            if self.crew.posts[at].runner is None:
                self.crew.start(at, machine)
        return multiple(*(self.trigger_one(kind) for kind in kinds))

    # What callers do

    def trigger_one(self, kind, queue_timeout=None, on_interrupt="fail"):
        """Trigger a run of a playbook."""
        spec = {
            **SPEC,
            "playbook": {"repository": self.scene.url, "ref": "main", "path": f"{kind}.yml"},
            "inventory": {"content": LOCAL},
            "queue_timeout": queue_timeout,
            "on_interrupt": on_interrupt,
        }
        return self.insert(kind, spec, Trigger.API)

    def insert(self, kind, spec, trigger):
        """Trigger a run as the API does."""
        wanted = Wanted(template=kind, spec=spec, trigger=trigger, by="ada")
        run = runs.insert(self.bench.conn, wanted)
        assert run is not None
        self.deeds.kinds[run.id] = kind
        how = f"queue time-out {spec['queue_timeout']}, on interrupt {spec['on_interrupt']}"
        self.note(f"{trigger} {kind}, {how}: run {run.id}")
        jobs.hand_over(self.bench.redis, Admitted(run=run))
        return run

    @rule(target=known, kind=KINDS, expires=st.booleans(), repeats=st.booleans())
    def trigger(self, kind, expires, repeats):
        """Trigger a run that may wait one second or for ever, and be repeated or not."""
        return self.trigger_one(kind, 1 if expires else None, "requeue" if repeats else "fail")

    @rule(target=known, run=known)
    def rerun(self, run):
        """Trigger the same again."""
        return self.insert(run.template, run.spec, Trigger.RERUN)

    @rule(run=known, force=st.booleans(), times=st.integers(1, 2))
    def stop(self, run, force, times):
        """Ask for a stop, perhaps twice."""
        self.deeds.asked.add(run.id)
        self.note(f"stop run {run.id}, force {force}, {times} times")
        for _ in range(times):
            self.bench.stop(run, force=force)

    @rule(run=known, stage=st.sampled_from(["claimed", "started", "playing", "played"]))
    def watch(self, run, stage):
        """Wait until a run has come so far, but not for long: it may never."""
        self.note(f"wait until run {run.id} is {stage}")
        self.wait_a_moment(lambda: self.has_come_to(run, stage))

    @rule(run=known)
    def watch_end(self, run):
        """Wait for the end of a run, but not for long."""
        self.note(f"wait for the end of run {run.id}")
        self.wait_a_moment(lambda: self.bench.find(run).is_final)

    def wait_a_moment(self, condition):
        """Wait for what may never come."""
        with contextlib.suppress(AssertionError):
            wait_until(condition, timeout=A_MOMENT)

    def has_come_to(self, run: Run, stage: str) -> bool:
        """Whether a run has come so far, or will come no further."""
        now = self.bench.find(run)
        reached = {
            "claimed": now.state is not RunState.QUEUED,
            "started": now.leader_pid is not None,
            "playing": now.phase == "playing",
            "played": self.scene.ledger.plays()[run.id] > 0,
        }
        return now.is_final or reached[stage]

    # What happens to runners

    @rule(at=POSTS, what=st.sampled_from(["kill", "dismiss", "freeze"]), machine=MACHINES)
    def change_runner(self, at, what, machine):
        """Kill, shut down or freeze a runner; thaw a frozen one; start one where none is."""
        post = self.crew.posts[at]
        if post.runner is None:
            self.note(f"start runner {at} on {machine}")
            self.crew.start(at, machine)
        elif post.is_frozen and what == "freeze":
            self.note(f"thaw runner {at}")
            self.crew.thaw(at)
        else:
            self.note(f"{what} runner {at}")
            self.deeds.runners_were_hit = True
            getattr(self.crew, what)(at)

    @rule(run=known, who=st.sampled_from(["leader", "keeper"]))
    def hit_family(self, run, who):
        """Kill the first process of a family, or the one above it."""
        now = self.bench.find(run)
        leader = linux.read(now.leader_pid) if now.leader_pid else None
        if now.is_final or leader is None or leader.created != now.leader_created:
            return
        self.note(f"kill the {who} of run {run.id}")
        self.deeds.hit.add(run.id)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(leader.pid if who == "leader" else now.keeper_pid).kill()

    # What happens to Redis

    @rule(run=known, is_all=st.booleans())
    def forget(self, run, is_all):
        """Redis loses everything, or RQ's queue one job."""
        self.note("flush Redis" if is_all else f"drop the job of run {run.id}")
        if is_all:
            self.bench.redis.flushdb()
        else:
            self.bench.redis.lrem(f"rq:queue:{keys.QUEUE}", 0, str(run.id))

    # What must be true

    @invariant()
    def tells_the_truth(self):
        """What is final stays as it is, and nothing of it lives."""
        with self.telling():
            self.crew.check_alive()
            self.evidence.look()

    def teardown(self):
        """End the faults and see that everything is settled."""
        with self.telling():
            self.note("the faults are over")
            self.crew.recover()
            for run in self.evidence.runs:
                if run.template in ENDLESS:
                    self.stop(run, force=False, times=1)
            wait_until(lambda: all(run.is_final for run in self.evidence.runs), SETTLED, 0.1)
            self.note("all runs are final")
            self.evidence.look()
            for run in self.evidence.runs:
                self.evidence.check_end(run)
            self.check_nothing_is_left()
            self.note("nothing is left")
        if EXAMPLES:
            states = ", ".join(str(run.state) for run in self.evidence.runs)
            print(f"{len(self._steps)} steps, {self._steps[-2].strip()}: {states}", flush=True)

    def check_nothing_is_left(self):
        """See that no process, no directory and no job is left, and that nobody met a fault."""
        ours = set(self.deeds.kinds)
        wait_until(lambda: not any(map(self.bench.family, self.evidence.runs)))
        wait_until(lambda: not self.directories(), interval=0.1)
        wait_until(lambda: not ours & queue.waiting(self.bench.redis), interval=0.1)
        self.crew.check_alive()
        assert "Traceback" not in self.crew.log(self._mark)

    def directories(self) -> list[Path]:
        """The directories of runs, made old: only such ones are swept."""
        below = Path(self.bench.environ["CURTAIN_DATA"]) / "runs"
        left = left_directories(below)
        for directory in left:
            with contextlib.suppress(FileNotFoundError):
                os.utime(directory, (0, 0))
        return left


@pytest.mark.timeout(max(180, EXAMPLES * 60))
def test_no_order_of_faults_makes_a_row_lie(scene):
    bound = type("Bound", (RunnerMachine,), {"scene": scene})

    run_state_machine_as_test(bound, settings=SEARCH)
