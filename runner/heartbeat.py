"""The signs of life that a runner gives to Postgres: its leases, renewed, and how it is."""

import logging
from collections.abc import Collection
from uuid import UUID

from runner import machine, programs
from runner.containment import Containment
from runner.disks import Disks
from runner.live import Live
from runner.run import Run
from runner.settings import Settings
from runner.store import leases, runners
from runner.store.connection import Connection

log = logging.getLogger(__name__)


class Heartbeat:
    """Beats three times a lease."""

    def __init__(
        self, name: str, settings: Settings, containment: Containment, disks: Disks
    ) -> None:
        """Speak for the runner *name*."""
        self._name = name
        self._settings = settings
        self._containment = containment
        self._disks = disks
        self._missing = programs.missing(settings)
        for program in self._missing:
            log.error("there is no %s: every run will fail until it is installed", program)
        self._next_at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it is time for the next."""
        return now >= self._next_at

    def is_overdue(self, now: float) -> bool:
        """Whether the last one is longer ago than a lease."""
        return now > self._next_at - self._settings.beat + self._settings.lease

    def done(self, now: float) -> None:
        """Note that one has succeeded, and all that goes with it."""
        self._next_at = now + self._settings.beat

    def beat(
        self, conn: Connection, lives: Collection[Live], *, short_of_memory: bool
    ) -> dict[UUID, Run]:
        """Renew the leases; a run whose lease is another's is not ours any more."""
        mine = {live.run.lease_token: live for live in lives if not live.tenure.is_lost}
        lease = self._settings.lease
        renewed = leases.renew(conn, [token for token in mine if token], lease=lease)
        for token, live in mine.items():
            if token in renewed:
                live.tenure.run = renewed[token]
            else:
                live.tenure.lose()
        place = {"machine": self._settings.machine, "boot": machine.boot()}
        place["containment"] = self._containment.kind
        runners.beat(
            conn,
            self._name,
            slots=self._settings.slots,
            busy=len(lives),
            queues=self._settings.queues,
            short_of_memory=short_of_memory,
            missing=self._missing,
            disks=self._disks.told(),
            **place,
        )
        return renewed
