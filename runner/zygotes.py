"""The zygotes of a runner: one for each of the templates that have run last."""

import logging
import shutil
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Final

from runner.kept import Kept
from runner.recipe import Recipe
from runner.zygote_handle import PREFIX, Zygote, sweep

log = logging.getLogger(__name__)

REMEMBERED: Final = 1000  # templates that no zygote can be made for


class Zygotes:
    """The zygotes of a runner, by template; those that were used longest ago go first."""

    def __init__(self, most: int) -> None:
        """Keep up to *most*."""
        self._has_swept = False
        self._most = most
        self._zygotes: OrderedDict[str, Zygote] = OrderedDict()
        #: Recipes of which no image can be made, by template.
        self._unfit: OrderedDict[str, Recipe] = OrderedDict()

    @property
    def all(self) -> list[Zygote]:
        """All of them."""
        return list(self._zygotes.values())

    def take(self, template: str) -> Kept | None:
        """Fork a keeper that can become the template's ansible-playbook. None without one."""
        zygote = self._zygotes.get(template)
        if zygote is None or not zygote.is_ready:
            return None
        self._zygotes.move_to_end(template)
        try:
            return Kept(zygote.fork)
        except OSError as error:
            log.warning("template %s: its zygote is given up: %s", template, error)
            self._drop(template)
            return None

    def want(self, template: str, wanted: Recipe, beside: Path) -> None:
        """Have one for *template* by that recipe, with its directory *beside* those of runs.

        Nothing is done where there is one, or can be none.
        """
        there = self._zygotes.get(template)
        if self._most == 0 or (there and there.recipe == wanted):
            return
        if self._unfit.get(template) == wanted:
            return
        self._drop(template)
        while len(self._zygotes) >= self._most:
            self._drop(next(iter(self._zygotes)))
        if not self._has_swept:
            self._has_swept = True
            sweep(beside)
        try:
            self._start(template, wanted, Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside)))
        # Of values that no process can have, such as a NUL, Popen raises ValueError.
        except (OSError, ValueError) as error:
            log.warning("template %s: no zygote can be started: %s", template, error)
            self._note_unfit(template, wanted)

    def _start(self, template: str, wanted: Recipe, own: Path) -> None:
        try:
            self._zygotes[template] = Zygote(wanted, own)
        except BaseException:
            shutil.rmtree(own, ignore_errors=True)
            raise

    def turn(self) -> None:
        """Hear of those that have loaded, and let go of those that are of no use."""
        for template, zygote in list(self._zygotes.items()):
            was_ready = zygote.is_ready
            if why := zygote.hear():
                log.warning("template %s: its runs start cold: %s", template, why)
                if zygote.is_unfit:  # else it was late or killed, and another would do
                    self._note_unfit(template, zygote.recipe)
                self._drop(template)
            elif zygote.is_ready and not was_ready:
                log.info("template %s: its next run starts warm", template)

    def _note_unfit(self, template: str, unfit: Recipe) -> None:
        self._unfit[template] = unfit
        self._unfit.move_to_end(template)
        while len(self._unfit) > REMEMBERED:
            self._unfit.popitem(last=False)

    def _drop(self, template: str) -> None:
        if zygote := self._zygotes.pop(template, None):
            zygote.close()

    def close(self) -> None:
        """End all of them."""
        for template in list(self._zygotes):
            self._drop(template)
