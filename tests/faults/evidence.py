"""What must be true of runs whatever was done to them, looked at from outside."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from runner import family
from runner.run import FINAL, Run, RunState, StopOutcome
from runner.store import output, runs
from tests.faults.ledger import ENDLESS, Ledger
from tests.faults.moves_model import EXPIRED
from tests.runners import Bench


@dataclass
class Deeds:
    """What was done in one example: the only things that may explain how its runs ended."""

    #: The deed of each run's playbook.
    kinds: dict[int, str] = field(default_factory=dict)
    #: The runs that somebody has asked to stop.
    asked: set[int] = field(default_factory=set)
    #: The runs whose leader or keeper was killed.
    hit: set[int] = field(default_factory=set)
    #: A runner was killed, shut down or frozen.
    runners_were_hit: bool = False


class Evidence:
    """Looks at the runs of one example again and again, and remembers what was final."""

    def __init__(self, bench: Bench, ledger: Ledger, deeds: Deeds) -> None:
        """Look at what *deeds* tells of."""
        self._bench = bench
        self._ledger = ledger
        self._deeds = deeds
        #: Each run as it was when it was first seen final.
        self._ended: dict[int, Run] = {}

    @property
    def runs(self) -> list[Run]:
        """The runs as they are now."""
        return runs.find_many(self._bench.conn, self._deeds.kinds)

    def look(self) -> None:
        """See that final rows have not changed, and that nothing of them lives."""
        ended = [run for run in self.runs if run.is_final]
        for run in ended:
            first = self._ended.setdefault(run.id, run)
            assert first == replace(run, late_result=first.late_result), f"{first} became {run}"
        families = family.find(self._bench.installation)
        for run in ended:
            # A lost one's runner is out of sight; whoever finds its family ends it soon.
            if run.state is not RunState.LOST:
                members = families.get(run.id, [])
                assert not members, f"run {run.id} is {run.state} while {members} live"

    def check_end(self, run: Run) -> None:
        """See that a final run tells the truth."""
        told = [event.kind for event in self._bench.events(run) if event.kind in FINAL]
        assert told == [run.state], f"run {run.id} has the final events {told}"
        self._check_plays(run)
        self._check_output(run)
        assert CAUSES[run.state](run, self._deeds), f"nothing explains why {run.id} is {run.state}"
        if run.message == EXPIRED:
            self._check_wait(run)

    def _check_wait(self, run: Run) -> None:
        """See that a run of which its queue time-out is told has waited for all of it."""
        *_, put, _ = self._bench.events(run)
        assert run.finished_at is not None
        waited = (run.finished_at - put.at).total_seconds()
        assert waited > 0.9 * run.spec["queue_timeout"], f"run {run.id} has waited {waited} s"

    def _check_plays(self, run: Run) -> None:
        plays = self._ledger.plays()[run.id]
        assert plays <= run.attempt, f"run {run.id} was played {plays} times"
        if run.stop_outcome is StopOutcome.NEVER_STARTED and "again" not in str(run.message):
            assert plays == 0, f"run {run.id} was never started and has played"
        if run.state is RunState.SUCCEEDED:
            assert plays > 0, f"run {run.id} succeeded without a play"

    def _check_output(self, run: Run) -> None:
        rows = self._bench.conn.execute(
            "SELECT start, octet_length(bytes) AS length FROM run_output"
            " WHERE run_id = %s ORDER BY start",
            [run.id],
        ).fetchall()
        end = 0
        for row in rows:
            assert row["start"] == end, f"run {run.id} has a hole in its output at {end}"
            end += row["length"]
        assert end == run.output_bytes, f"run {run.id} says {run.output_bytes} bytes, has {end}"
        if run.state is RunState.SUCCEEDED and run.output_complete:
            text = output.read(self._bench.conn, run.id, 0).bytes
            assert b"PLAY RECAP" in text, f"run {run.id} says that its output is complete"


def _has_failed_for_a_reason(run: Run, deeds: Deeds) -> bool:
    return run.message == EXPIRED or run.id in deeds.hit or deeds.kinds[run.id] == "failing"


#: What may have come before each final state.
CAUSES: dict[RunState, Callable[[Run, Deeds], bool]] = {
    RunState.SUCCEEDED: lambda run, deeds: deeds.kinds[run.id] not in {*ENDLESS, "failing"},
    RunState.FAILED: _has_failed_for_a_reason,
    RunState.STOPPED: lambda run, deeds: run.id in deeds.asked,
    RunState.TIMED_OUT: lambda run, deeds: False,
    RunState.INTERRUPTED: lambda run, deeds: deeds.runners_were_hit,
    RunState.LOST: lambda run, deeds: deeds.runners_were_hit,
}
