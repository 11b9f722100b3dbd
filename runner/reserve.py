"""Keepers and zygotes that are started ahead of the runs that will want them."""

import logging
from collections.abc import Collection

from runner.isolation import alone
from runner.kept import Keepers
from runner.live import Live
from runner.strays import Child
from runner.zygotes import Zygotes

log = logging.getLogger(__name__)


class Reserve:
    """Idle keepers, and the zygotes of templates whose runs could start warm."""

    def __init__(self, zygotes: int) -> None:
        """Have up to *zygotes* of those."""
        self.keepers = Keepers()
        self.zygotes = Zygotes(zygotes)

    @property
    def children(self) -> list[Child]:
        """All of it that lives."""
        return [*self.keepers.idle, *self.zygotes.all]

    def refill(self, lives: Collection[Live], *, is_tick: bool) -> None:
        """Start the next idle keeper, but not while a run waits for its gate to be opened."""
        if all(live.run.leader_pid for live in lives) or is_tick:
            try:
                self.keepers.refill()
            except OSError as error:
                log.error("no keeper can be started ahead: %s", error)
                self.keepers.rest()

    def warm(self, lives: Collection[Live]) -> None:
        """Have zygotes for the templates whose runs started cold and need not have."""
        self.zygotes.turn()
        for live in lives:
            alone(live, self._warm_one, live)

    def _warm_one(self, live: Live) -> None:
        if wanted := live.take_recipe():
            self.zygotes.want(live.run.template, wanted, live.directory.parent)

    def close(self) -> None:
        """End all of it."""
        self.keepers.close()
        self.zygotes.close()
