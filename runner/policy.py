"""What the watchdog thinks of a run: pure policy, tested by a table."""

from dataclasses import dataclass
from enum import Enum, auto

from runner.ladder import ASK
from runner.run import Run, RunState

FORGOTTEN = 2  # rounds in which RQ did not know of a queued run; in one it may just be claimed
LATE = 10.0  # seconds beyond its ladder after which a run that is being stopped is stuck


class Advice(Enum):
    """What should be done about a row or a family."""

    LEAVE = auto()
    #: Put it into RQ's queue again.
    ENQUEUE = auto()
    #: Its runner was on this machine and is dead, or so silent that it lost its right to the run:
    #: end what is left, believe the keeper's record.
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
    #: The process that has the lease lives; means something only when it is here.
    holder_is_alive: bool = False
    #: Its keeper has written down that the family is gone; means something only when it is here.
    keeper_said_gone: bool = False
    #: The run's own time limit has passed.
    time_is_up: bool = False
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
    if view.is_here and not view.holder_is_alive:
        return Advice.SETTLE
    # After an outage every lease looks expired: wait until their owners could have renewed them.
    if not run.stale or view.unbroken < view.lease:
        return Advice.LEAVE
    if view.is_here:  # its holder is frozen
        return Advice.SETTLE if _is_forsaken(run, view) else Advice.LEAVE
    return Advice.LOSE


def _is_forsaken(run: Run, view: View) -> bool:
    """Whether a frozen holder keeps from *run* what is due to it; else its playbook may go on."""
    return (
        run.stop_requested_at is not None
        or view.keeper_said_gone
        or view.time_is_up
        or run.leader_pid is None  # it waits at a gate that nobody else may open
        or run.holder != run.runner  # a watchdog had begun to settle it
    )


def is_stuck(*, asked: float, forced: float | None, grace: float) -> bool:
    """Whether a run is stopping for longer than a stop can take.

    *asked* and *forced* are the seconds since the requests; *grace* is the template's.
    """
    return asked > ASK + grace + LATE or (forced is not None and forced > LATE)
