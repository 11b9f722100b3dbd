"""The zygotes of a runner: one for each of the recipes that were used last."""

import errno
import logging
import shutil
import tempfile
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final, TypeVar

from runner.kept import Kept
from runner.recipe import Recipe, digest
from runner.zygote_handle import PREFIX, Zygote

log = logging.getLogger(__name__)

V = TypeVar("V")

REMEMBERED: Final = 1000  # templates whose recipe is known, and recipes of which none can be made
KEPT: Final = 300.0  # seconds in which one that was used makes no room for another
REST: Final = 60.0  # seconds until it is tried again when none could be started
#: What is of the recipe itself, and no fault of the moment.
HOPELESS: Final = (errno.E2BIG, errno.EMSGSIZE)


class Zygotes:
    """The zygotes of a runner, by recipe; those that were used longest ago go first.

    Templates that start Ansible in the same way share one.
    """

    def __init__(self, most: int) -> None:
        """Keep up to *most*."""
        self._most = most
        self._zygotes: OrderedDict[str, Zygote] = OrderedDict()
        #: The recipe of each template's last run that was not the plain one, by its digest.
        self._wanted: OrderedDict[str, str] = OrderedDict()
        #: That of templates which have not run here yet.
        self._plain: str | None = None
        #: Recipes of which no image can be made.
        self._unfit: OrderedDict[str, None] = OrderedDict()
        self._rest_until = 0.0

    @property
    def all(self) -> list[Zygote]:
        """All of them."""
        return list(self._zygotes.values())

    def take(self, template: str) -> Kept | None:
        """Fork a keeper that can become the template's ansible-playbook. None without one.

        One whose recipe does not fit the run executes ansible-playbook, as other keepers do.
        """
        if recipe := self._wanted.get(template):
            _remember(self._wanted, template, recipe)
        else:
            recipe = self._plain
        zygote = self._zygotes.get(recipe) if recipe else None
        if recipe is None or zygote is None or not zygote.is_ready:
            return None
        self._zygotes.move_to_end(recipe)
        try:
            return Kept(zygote.fork)
        except OSError as error:
            log.warning("template %s: its zygote is given up: %s", template, error)
            self._drop(recipe)
            return None

    def want(self, template: str | None, wanted: Recipe, beside: Path) -> None:
        """Have one for *template* by that recipe, with its directory *beside* those of runs.

        None is for templates that have not run here yet. Nothing is done where there is one, or
        can be none, or where all that are there are in use: to load one for each run in turns
        would take longer than to start cold.
        """
        recipe = digest(wanted.write().encode())
        if template is None:
            self._plain = recipe
        else:
            _remember(self._wanted, template, recipe)
        if recipe in self._zygotes or recipe in self._unfit or not self._make_room():
            return
        try:
            self._start(recipe, wanted, Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside)))
        # Of values that no process can have, such as a NUL, Popen raises ValueError.
        except (OSError, ValueError) as error:
            log.warning("runs %s start cold: %s", self._templates(recipe), error)
            if isinstance(error, ValueError) or error.errno in HOPELESS:
                _remember(self._unfit, recipe, None)
            else:
                self._rest_until = time.monotonic() + REST

    def _make_room(self) -> bool:
        """Let go of the one that was used longest ago, if one more is too many."""
        now = time.monotonic()
        if self._most == 0 or now < self._rest_until:
            return False
        if len(self._zygotes) >= self._most:
            oldest = next(iter(self._zygotes))
            if now < self._zygotes[oldest].used_at + KEPT:
                return False
            self._drop(oldest)
        return True

    def _start(self, recipe: str, wanted: Recipe, own: Path) -> None:
        try:
            self._zygotes[recipe] = Zygote(wanted, own)
        except BaseException:
            shutil.rmtree(own, ignore_errors=True)
            raise

    def turn(self) -> None:
        """Hear of those that have loaded, and let go of those that are of no use."""
        for recipe, zygote in list(self._zygotes.items()):
            was_ready = zygote.is_ready
            if why := zygote.hear():
                log.warning("runs %s start cold: %s", self._templates(recipe), why)
                if zygote.is_unfit:  # else it was late or killed, and another would do
                    _remember(self._unfit, recipe, None)
                self._drop(recipe)
            elif zygote.is_ready and not was_ready:
                log.info("runs %s start warm from now on", self._templates(recipe))

    def _templates(self, recipe: str) -> str:
        """Name those whose runs it is, for the log."""
        names = [template for template, wanted in self._wanted.items() if wanted == recipe]
        return f"of template {', '.join(names[-5:])}" if names else "of a plain template"

    def _drop(self, recipe: str) -> None:
        if zygote := self._zygotes.pop(recipe, None):
            zygote.close()

    def close(self) -> None:
        """End all of them."""
        for recipe in list(self._zygotes):
            self._drop(recipe)


def _remember(known: OrderedDict[str, V], name: str, value: V) -> None:
    known[name] = value
    known.move_to_end(name)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
