"""The zygotes of a runner: one for each of the templates that have run last."""

import logging
import os
import shutil
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Final

from runner import linux
from runner.kept import Kept
from runner.recipe import Recipe
from runner.zygote_handle import Zygote

log = logging.getLogger(__name__)

REMEMBERED: Final = 1000  # templates that no zygote can be made for


class Zygotes:
    """The zygotes of a runner, by template; those that were used longest ago go first."""

    def __init__(self, directory: Path, most: int) -> None:
        """Keep up to *most*, each with a directory of its own below *directory*."""
        _sweep(directory)
        self._directory = directory
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

    def want(self, template: str, wanted: Recipe) -> None:
        """Have one for *template* by that recipe, unless there is one or there can be none."""
        there = self._zygotes.get(template)
        if self._most == 0 or (there and there.recipe == wanted):
            return
        if self._unfit.get(template) == wanted:
            return
        self._drop(template)
        while len(self._zygotes) >= self._most:
            self._drop(next(iter(self._zygotes)))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._directory.resolve()))
        try:
            self._zygotes[template] = Zygote(wanted, own)
        except OSError as error:
            log.warning("template %s: no zygote can be started: %s", template, error)
            shutil.rmtree(own, ignore_errors=True)

    def turn(self) -> None:
        """Hear of those that have loaded, and let go of those that are of no use."""
        for template, zygote in list(self._zygotes.items()):
            was_ready = zygote.is_ready
            if why := zygote.hear():
                log.warning("template %s: its runs start cold: %s", template, why)
                if not was_ready:  # else it was killed, and another would do
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


def _sweep(directory: Path) -> None:
    """Remove what runners have left that were killed."""
    for left in directory.glob("*-*"):
        runner, _, _ = left.name.partition("-")
        if runner.isdigit() and not linux.is_there(int(runner)):
            shutil.rmtree(left, ignore_errors=True)
