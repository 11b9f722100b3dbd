"""How full the disks of a runner's directories are, and how much of that is in these."""

import logging
import shutil
from pathlib import Path

from runner.eviction import size
from runner.settings import Settings

log = logging.getLogger(__name__)


class Disks:
    """Looks at the disks whenever it is asked, and into the directories when somebody has time."""

    def __init__(self, settings: Settings) -> None:
        """Look at the directories of *settings*."""
        self._directories = {
            "runs": settings.runs_directory,
            "git": settings.git_directory,
            "galaxy": settings.galaxy_directory,
        }
        #: Bytes in each when they were last measured.
        self._used: dict[str, int] = {}

    def measure(self) -> None:
        """Sum up what is in the directories, which takes as long as there are files."""
        self._used = {name: size(path) for name, path in self._directories.items()}

    def told(self) -> dict[str, dict[str, int]]:
        """By directory: bytes that its disk has (`total`), has left (`free`), and that it has.

        The last, `used`, is missing until it was measured.
        """
        told = {}
        for name, path in self._directories.items():
            try:
                disk = shutil.disk_usage(_there(path))
            except OSError as error:  # no beat, with its leases, shall fail because of that
                log.warning("nothing is told of the disk of %s: %s", path, error)
                continue
            told[name] = {"total": disk.total, "free": disk.free}
            if name in self._used:
                told[name]["used"] = self._used[name]
        return told


def _there(path: Path) -> Path:
    """The directory, or where it will be made."""
    return next(each for each in (path, *path.parents) if each.exists())
