"""How long a runner's right to a run lasts, and the times that follow from it."""

from pydantic import BaseModel, Field


class Lease(BaseModel):
    """The setting that says how long it is; a part of Settings."""

    lease: float = Field(
        alias="RUNNER_LEASE",
        default=30.0,
        ge=1,
        description="seconds a runner's right to a run lasts without a heartbeat",
    )

    @property
    def beat(self) -> float:
        """Seconds between two heartbeats: two may fail before a lease runs out."""
        return self.lease / 3

    @property
    def gate(self) -> float:
        """Seconds from its claim in which a run's gate may be opened: less than the first lease."""
        return self.lease - self.beat

    @property
    def round(self) -> float:
        """Seconds between two rounds of the watchdog."""
        return self.lease / 6

    @property
    def watch(self) -> float:
        """Seconds without a round after which another watchdog looks after all machines."""
        return self.lease * 2 / 3
