"""All kinds of fault, by name."""

from tests.faults.soak import processes, servers
from tests.faults.soak.kinds import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "processes", "servers"]
