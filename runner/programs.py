"""The programs that a runner needs beside Python, and which of them its container has not."""

import shutil
from pathlib import Path
from typing import Final

from runner.settings import Settings

NEEDED: Final = ("git",)


def missing(settings: Settings) -> list[str]:
    """Name those without which every run fails."""
    ansible = settings.ansible_command()
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return absent if shutil.which(ansible) else [*absent, Path(ansible).name]
