"""How often everything is measured."""

from typing import NamedTuple


class Size(NamedTuple):
    """Repetitions, and seconds of load."""

    triggers: int
    starts: int
    bursts: int
    #: Of each kind.
    stops: int
    load: float


FULL = Size(triggers=320, starts=30, bursts=6, stops=100, load=5.0)  # ten minutes on four cores
QUICK = Size(triggers=80, starts=4, bursts=1, stops=6, load=0.5)
