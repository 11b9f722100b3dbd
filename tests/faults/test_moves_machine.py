"""Runners and watchdogs that know what was, not what is, move runs; the rows do as the model.

`CURTAIN_EXAMPLES=5000 pytest tests/faults/test_moves_machine.py` searches for longer.
"""

import os
import uuid
from collections import Counter, defaultdict
from dataclasses import replace

import psycopg
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

from runner.judge import Verdict
from runner.run import FINAL, Run, RunState, StopOutcome, Trigger
from runner.store import claims, leases, moves, output, runs, stops, verdicts
from runner.wanted import Wanted
from tests.faults.moves_model import LEGAL, Modelled

EXAMPLES = int(os.environ.get("CURTAIN_EXAMPLES", "0"))
SEARCH = settings(
    max_examples=EXAMPLES or 40,
    stateful_step_count=40,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    # A failure of the ordinary tests is told as it is met; a search makes it small.
    phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)

RUNNERS = st.sampled_from(["here.1.1", "there.2.2"])
WATCHDOGS = st.sampled_from(["watchdog here.3.3", "watchdog there.4.4"])
ANYBODY = RUNNERS | WATCHDOGS
CALLERS = st.sampled_from(["ada", "grace"])
REASONS = st.sampled_from([None, "late"])
CHUNKS = st.sampled_from([b"one", b"\0\xff", b"three\n"])
LEASE = 3600.0  # seconds: it runs out when the test says so
INTERRUPTED = Verdict(state=RunState.INTERRUPTED, message="shut down", exit_code=-15)
VERDICTS = st.sampled_from(
    [
        Verdict(state=RunState.SUCCEEDED, message="well", exit_code=0),
        Verdict(state=RunState.FAILED, message="badly", exit_code=2),
        Verdict(
            state=RunState.STOPPED,
            message="asked",
            exit_code=-15,
            stop_outcome=StopOutcome.TERMINATED,
        ),
        Verdict(
            state=RunState.STOPPED,
            message="forced",
            exit_code=-9,
            stop_outcome=StopOutcome.KILLED,
        ),
        Verdict(state=RunState.TIMED_OUT, message="too long", exit_code=-15),
        INTERRUPTED,
        Verdict(state=RunState.LOST, message="forgotten"),
    ]
)


known = Bundle("known")
#: Running runs as somebody once saw them.
seen = Bundle("seen")
#: An actor remembers a run, or looks which are running and takes one of those.
MEMORIES = st.one_of(seen, st.integers(0, 3))


class MovesMachine(RuleBasedStateMachine):
    """Every move at any time, by actors that remember runs as they once saw them."""

    conn: psycopg.Connection
    #: How often each move was made, and how often it was refused, in all examples.
    made: Counter[tuple[str, bool]]

    def __init__(self) -> None:
        super().__init__()
        self.conn.execute("TRUNCATE runs CASCADE")
        self.models: dict[int, Modelled] = {}
        self.keys: dict[tuple[str, str], int] = {}
        #: Rows as they were when they were first seen final.
        self.ended: dict[int, Run] = {}

    def find(self, run_id: int) -> Run:
        """The run as it is now."""
        found = runs.find(self.conn, run_id)
        assert found is not None
        return found

    def compare(self, move: str, is_made: bool, told: Run | bool | None):
        """See that a move did what the model says, and told so; what it told is remembered."""
        self.made[move, is_made] += 1
        assert bool(told) is is_made, f"{move}: the model says {is_made}, the answer is {told}"
        if not isinstance(told, Run):
            return multiple()
        assert told == replace(self.find(told.id), stale=told.stale)
        return multiple() if told.lease_token is None else told

    def recall(self, memory: Run | int) -> Run:
        """The run as an actor knows it."""
        if isinstance(memory, Run):
            return memory
        running = [key for key, model in self.models.items() if model.state is RunState.RUNNING]
        among = running or list(self.models)
        return self.find(among[memory % len(among)])

    @initialize(target=known, actors=st.lists(RUNNERS, min_size=1, max_size=2))
    def begin(self, actors):
        """Some runs are running already, and some wait."""
        waiting = [self.insert_one("ada", None, timeout) for timeout in (None, 3600, -1)]
        running = [self.insert_one("ada", None, None) for _ in actors]
        for run_id, actor in zip(running, actors, strict=True):
            self.claim_one(run_id, actor)
        return multiple(*waiting, *running)

    # Callers

    @rule(
        target=known,
        by=CALLERS,
        key=st.sampled_from([None, None, "k"]),
        timeout=st.sampled_from([None, 3600, -1]),
    )
    def insert(self, by, key, timeout):
        """-> queued, once for each key."""
        run_id = self.insert_one(by, key, timeout)
        return multiple() if run_id is None else run_id

    def insert_one(self, by, key, timeout):
        """-> queued. None when the key was used before."""
        spec = {"timeout": 60, "grace": 10, "queue_timeout": timeout}
        run = runs.insert(
            self.conn,
            Wanted(template="t", spec=spec, trigger=Trigger.API, by=by, idempotency_key=key),
        )
        first = self.keys.get((by, key))
        if first is None:
            self.models[run.id] = Modelled(by, timeout)
            if key is not None:
                self.keys[by, key] = run.id
        else:
            assert runs.find_by_key(self.conn, by, key) == self.find(first)
        self.compare("insert", first is None, run)
        return run and run.id

    @rule(target=seen, run_id=known, by=CALLERS, reason=REASONS, force=st.booleans())
    def stop(self, run_id, by, reason, force):
        """queued -> stopped, or a wish."""
        told = stops.request_stop(self.conn, run_id, by=by, reason=reason, force=force)
        return self.compare("stop", self.models[run_id].stop(by, reason, force=force), told)

    # Time

    @rule(run_id=known)
    def let_lease_end(self, run_id):
        """Its holder has not been heard of."""
        self.end_lease(run_id)

    def end_lease(self, run_id):
        """Let an hour pass in no time."""
        self.conn.execute(
            "UPDATE runs SET lease_expires_at = now() - interval '1 second'"
            " WHERE id = %s AND state = 'running'",
            [run_id],
        )
        self.models[run_id].lease_is_out = True

    @rule(run_id=known)
    def let_queue_time_pass(self, run_id):
        """Nobody took it."""
        model = self.models[run_id]
        if model.state is RunState.QUEUED and model.timeout is not None:
            self.conn.execute(
                "UPDATE runs SET queue_expires_at = now() - interval '1 second' WHERE id = %s",
                [run_id],
            )
            model.is_expired = True

    # Runners

    @rule(target=seen, run_id=known, actor=RUNNERS)
    def claim(self, run_id, actor):
        """queued -> running."""
        return self.claim_one(run_id, actor)

    def claim_one(self, run_id, actor):
        """queued -> running, by a token of its own."""
        token, where = uuid.uuid4(), {"machine": "m", "boot": "b"}
        told = claims.claim(self.conn, run_id, runner=actor, token=token, lease=LEASE, **where)
        return self.compare("claim", self.models[run_id].claim(actor, token), told)

    @rule(target=seen, memory=MEMORIES, leader=st.integers(2, 9))
    def register(self, memory, leader):
        """A leader waits at the gate."""
        run = self.recall(memory)
        who = {"leader": leader, "created": 1, "keeper": 2, "directory": "/d"}
        told = moves.register(self.conn, run, **who)
        is_made = self.models[run.id].register(run.lease_token, run.runner, leader)
        return self.compare("register", is_made, told)

    @rule(target=seen, memory=MEMORIES, sha=st.sampled_from(["a", "b"]))
    def prepare(self, memory, sha):
        """It is checked out."""
        run = self.recall(memory)
        told = moves.prepared(self.conn, run, playbook_sha=sha, inventory_sha=None)
        is_made = self.models[run.id].prepared(run.lease_token, run.runner, sha)
        return self.compare("prepared", is_made, told)

    @rule(target=seen, memory=MEMORIES)
    def play(self, memory):
        """preparing -> playing."""
        run = self.recall(memory)
        is_made = self.models[run.id].play(run.lease_token, run.runner)
        return self.compare("play", is_made, moves.play(self.conn, run, {}))

    @rule(target=seen, memory=MEMORIES, pids=st.sets(st.integers(2, 9), max_size=1))
    def survive(self, memory, pids):
        """Somebody would not die."""
        run = self.recall(memory)
        left = [{"pid": pid, "uid": 0, "command": "c"} for pid in pids]
        told = moves.record_survivors(self.conn, run, left)
        is_made = self.models[run.id].survive(run.lease_token, run.runner, left)
        return self.compare("survive", is_made, told)

    @rule(memory=MEMORIES, chunk=CHUNKS, past=st.integers(-1, 1))
    def append(self, memory, chunk, past):
        """Output arrives: the last chunk again, the next one, or one behind a gap."""
        run = self.recall(memory)
        model = self.models[run.id]
        start = len(model.output) + max(0, past)
        if past < 0 and model.chunks:
            chunk = model.chunks[-1]
            start -= len(chunk)
        told = output.append(self.conn, run.id, run.lease_token, start, chunk)
        self.compare("append", model.append(run.lease_token, start, chunk), told)

    @rule(
        target=seen,
        memory=MEMORIES,
        verdict=VERDICTS,
        actor=ANYBODY,
        complete=st.booleans(),
        truncated=st.booleans(),
    )
    def finish(self, memory, verdict, actor, **kept):
        """running -> a final state; but no run is stopped that nobody asked to stop."""
        run = self.recall(memory)
        model = self.models[run.id]
        if verdict.state is RunState.STOPPED and model.stop_by is None:
            if model.is_held_by(run.lease_token):
                with pytest.raises(psycopg.errors.CheckViolation, match="stopped_was_asked"):
                    moves.finish(self.conn, run, verdict, actor=actor, **kept)
            return multiple()
        told = moves.finish(self.conn, run, verdict, actor=actor, **kept)
        is_made = model.finish(run.lease_token, verdict, actor, **kept)
        return self.compare("finish", is_made, told)

    @rule(target=seen, memory=MEMORIES, actor=ANYBODY, never_started=st.booleans())
    def release(self, memory, actor, never_started):
        """running -> queued."""
        run = self.recall(memory)
        told = moves.release(self.conn, run, actor=actor, never_started=never_started)
        is_made = self.models[run.id].release(run.lease_token, actor, never_started=never_started)
        return self.compare("release", is_made, told)

    @rule(
        target=seen, memory=MEMORIES, actor=ANYBODY, complete=st.booleans(), truncated=st.booleans()
    )
    def requeue(self, memory, actor, **kept):
        """running -> queued, to be played again."""
        run = self.recall(memory)
        told = moves.requeue(self.conn, run, INTERRUPTED, actor=actor, **kept)
        is_made = self.models[run.id].requeue(run.lease_token, actor, **kept)
        return self.compare("requeue", is_made, told)

    @rule(held=st.lists(MEMORIES, max_size=3))
    def renew(self, held):
        """A beat for several at once."""
        runs_held = [run for run in map(self.recall, held) if run.lease_token is not None]
        tokens = {run.lease_token: run.id for run in runs_held}
        told = leases.renew(self.conn, list(tokens), lease=LEASE)
        assert told.keys() <= tokens.keys()
        for token, run_id in tokens.items():
            self.compare("renew", self.models[run_id].renew(token), told.get(token))

    @rule(memory=MEMORIES, state=st.sampled_from(FINAL))
    def record_late(self, memory, state):
        """A holder tells the end of what is not its own any more."""
        run = self.recall(memory)
        if run.runner is None:
            return  # it was never anybody's
        result = {"state": str(state)}
        told = verdicts.record_late(self.conn, run, result)
        self.compare("record_late", self.models[run.id].record_late(run.attempt, result), told)

    # Watchdogs

    @rule(target=seen, memory=MEMORIES, actor=WATCHDOGS)
    def adopt(self, memory, actor):
        """Take over the lease that was seen."""
        run = self.recall(memory)
        token = uuid.uuid4()
        told = verdicts.adopt(self.conn, run, actor=actor, token=token, lease=LEASE)
        is_made = self.models[run.id].adopt(run.lease_token, actor, token)
        return self.compare("adopt", is_made, told)

    @rule(target=seen, memory=MEMORIES, actor=WATCHDOGS, is_silent=st.booleans())
    def lose(self, memory, actor, is_silent):
        """running -> lost, when its holder is silent."""
        run = self.recall(memory)
        if is_silent:
            self.end_lease(run.id)
        told = verdicts.lose(self.conn, run, actor=actor, message="silence")
        is_made = self.models[run.id].lose(run.lease_token, actor, "silence")
        return self.compare("lose", is_made, told)

    @rule(actor=WATCHDOGS)
    def expire(self, actor):
        """queued -> failed, all of them."""
        told = {run.id: run for run in verdicts.expire(self.conn, actor=actor)}
        for run_id, model in self.models.items():
            self.compare("expire", model.expire(actor), told.get(run_id))

    # Strangers

    @rule(run_id=known, column=st.sampled_from(["message", "output_bytes", "stop_requested_by"]))
    def meddle(self, run_id, column):
        """A statement that forgets to guard itself changes no final row."""
        if self.models[run_id].state.is_final:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
                self.conn.execute(f"UPDATE runs SET {column} = '7' WHERE id = %s", [run_id])

    # What must be true

    @invariant()
    def rows_are_as_the_model(self):
        """Each row, its history and its output are what the moves have made of them."""
        histories, outputs = self.read_histories(), self.read_outputs()
        for run in runs.find_many(self.conn, self.models):
            model = self.models[run.id]
            expected = dict(model.columns())
            assert {name: getattr(run, name) for name in expected} == expected
            assert histories[run.id] == model.history
            assert outputs[run.id] == model.chunks
            self.check_history([RunState(state) for _, state, _ in model.history])
            if run.is_final:
                first = self.ended.setdefault(run.id, run)
                assert first == replace(run, late_result=first.late_result)
                assert sum(kind in FINAL for kind, _, _ in model.history) == 1

    def read_histories(self) -> dict[int, list[tuple[str, str, str]]]:
        """The events of all runs, in their order."""
        histories = defaultdict(list)
        for row in self.conn.execute("SELECT * FROM run_events ORDER BY id"):
            histories[row["run_id"]].append((row["kind"], row["state"], row["actor"]))
        return histories

    def read_outputs(self) -> dict[int, list[bytes]]:
        """The chunks of all runs, in their order."""
        outputs = defaultdict(list)
        for row in self.conn.execute("SELECT * FROM run_output ORDER BY run_id, start"):
            outputs[row["run_id"]].append(row["bytes"])
        return outputs

    def check_history(self, states: list[RunState]) -> None:
        """See that each state may follow the one before it."""
        before = None
        for state in states:
            assert state in LEGAL.get(before, {before}), f"{before} -> {state}"
            before = state


def test_every_move_does_what_the_model_says(conn):
    made = Counter()
    bound = type("Bound", (MovesMachine,), {"conn": conn, "made": made})

    run_state_machine_as_test(bound, settings=SEARCH)

    met = {key for key, times in made.items() if times}
    # A search that refuses everything, or nothing, would prove nothing.
    assert len(met) > 0.8 * 2 * len({move for move, _ in made})
