"""How often everything is measured."""

from typing import NamedTuple


class Size(NamedTuple):
    """Repetitions, and seconds of load."""

    triggers: int
    starts: int
    #: Of each kind.
    stops: int
    load: float


FULL = Size(triggers=320, starts=30, stops=100, load=5.0)  # ten minutes on four cores
QUICK = Size(triggers=80, starts=5, stops=8, load=1.0)
