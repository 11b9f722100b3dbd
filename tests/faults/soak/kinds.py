"""Kinds of fault: small functions, each a deed, `yield`, and what undoes it.

Whatever a fault has ended is started again afterwards, as a platform does (World.recover).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from random import Random

from runner.run import RunState
from tests.faults.container import LEASE, Container
from tests.faults.world import World

#: Seconds of an outage: from one that nobody notices to more than two leases.
OUTAGE = (0.2, 2.5 * LEASE)
MOMENT = (0.0, 0.0)
#: Seconds until a platform starts again what has died.
DEAD = (0.0, 2 * LEASE)

LOST, INTERRUPTED, FAILED = RunState.LOST, RunState.INTERRUPTED, RunState.FAILED

Act = Callable[[World, Random], Iterator[None]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    name: str
    #: What it touches; two faults at once touch different things.
    subject: str
    act: Callable[[World, Random], AbstractContextManager[None]]
    #: Seconds from doing to undoing, at least and at most.
    lasts: tuple[float, float]
    #: The bad ends of runs that it explains.
    ends: frozenset[RunState]
    #: Whether it needs runners that are machines of their own, or must not have them; None: either.
    isolated: bool | None


#: All there are, by name.
FAULTS: dict[str, Fault] = {}


def fault(
    subject: str,
    lasts: tuple[float, float] = MOMENT,
    *ends: RunState,
    isolated: bool | None = None,
) -> Callable[[Act], Act]:
    """Make a kind of fault of a function, named as it is."""

    def register(act: Act) -> Act:
        name = act.__name__.replace("_", " ")
        FAULTS[name] = Fault(name, subject, contextmanager(act), lasts, frozenset(ends), isolated)
        return act

    return register


def up(world: World) -> list[Container]:
    """Those that live."""
    return [container for container in world.containers if container.is_alive]
