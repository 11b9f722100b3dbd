"""What the watchdog thinks of a run: pure policy, tested by a table."""

from dataclasses import dataclass
from enum import Enum, auto

from runner.run import Run, RunState

FORGOTTEN = 2  # rounds in which RQ did not know of a queued run; in one it may just be claimed


class Advice(Enum):
    """What should be done about a row or a family."""

    LEAVE = auto()
    #: Put it into RQ's queue again.
    ENQUEUE = auto()
    #: Its runner is dead and was on this machine: end what is left, believe the keeper's record.
    SETTLE = auto()
    #: Its runner has vanished elsewhere, and nobody can know.
    LOSE = auto()
    #: End a family that no row allows to live.
    END = auto()


@dataclass(frozen=True, kw_only=True)
class View:
    """What can be seen of a run from here and now."""

    #: Rounds in a row in which RQ's queue did not have its id.
    rounds_missed: int = 0
    #: Its runner was started on this machine, in this boot and this PID namespace.
    is_here: bool = False
    #: That runner's process lives; means something only when it is here.
    runner_is_alive: bool = False
    #: Members of its family live here.
    family_is_alive: bool = False
    #: Seconds that we ourselves have seen Postgres without a break.
    unbroken: float = 0.0
    #: Seconds of a lease.
    lease: float = 30.0


def advise(run: Run | None, view: View) -> Advice:
    """Say what to do about *run*; None is a marked family without a row."""
    if run is None:
        return Advice.END
    if run.state is RunState.QUEUED:
        return Advice.ENQUEUE if view.rounds_missed >= FORGOTTEN else Advice.LEAVE
    if run.is_final:
        return Advice.END if view.family_is_alive else Advice.LEAVE
    if view.is_here:  # a frozen runner is alive: its run goes on, and reads as stale
        return Advice.LEAVE if view.runner_is_alive else Advice.SETTLE
    if not run.stale:
        return Advice.LEAVE
    # After an outage every lease looks expired: wait until their owners could have renewed them.
    return Advice.LOSE if view.unbroken >= view.lease else Advice.LEAVE
