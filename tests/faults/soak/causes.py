"""Why runs of a soak may have ended as they have: nothing ends badly without a reason."""

from collections.abc import Iterator
from typing import NamedTuple

from runner.run import FINAL, Run, RunState
from tests.faults.soak.faults import Fault
from tests.faults.soak.load import LONG, Load

#: Ends that want a reason.
BAD = (RunState.FAILED, RunState.INTERRUPTED, RunState.LOST, RunState.TIMED_OUT)


class Deed(NamedTuple):
    """What was done to a world, and when: seconds since the epoch."""

    faults: tuple[Fault, ...]
    began_at: float
    #: When the world had recovered.
    ended_at: float


def unexplained(load: Load, deeds: list[Deed]) -> Iterator[str]:
    """Name the runs of a world at rest that have ended in a way that nothing explains."""
    rows = {run.id: run for run in load.world.rows()}
    for run_id, template in load.taken.items():
        run = rows.get(run_id)
        if run is None:
            yield f"run {run_id} was taken, and there is no such row"
            continue
        if run_id in load.told and load.told[run_id] != run.state:
            yield f"run {run_id} is {run.state}, and a caller was told {load.told[run_id]}"
        if not _is_explained(run, template, deeds):
            yield f"run {run_id}, {template}, is {run.state} without a reason: {run.message}"
    if strangers := rows.keys() - load.taken.keys():
        yield f"run {min(strangers)} is nobody's, and {len(strangers) - 1} more"


def _is_explained(run: Run, template: str, deeds: list[Deed]) -> bool:
    if run.state is RunState.STOPPED:
        return run.stop_requested_at is not None
    if run.state is RunState.SUCCEEDED:
        return template not in (*LONG, "failing")
    if run.state is RunState.FAILED and template == "failing":
        return True
    return run.state not in FINAL or any(
        run.state in fault.ends for deed in deeds if _met(run, deed) for fault in deed.faults
    )


def _met(run: Run, deed: Deed) -> bool:
    assert run.finished_at is not None
    return (
        run.queued_at.timestamp() <= deed.ended_at and deed.began_at <= run.finished_at.timestamp()
    )
