"""Files in a run's directory, read as what they are: a playbook may have put anything there."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from runner.errors import RunnerError


class NotPlain(RunnerError, OSError):
    """It is no plain file."""

    code = "not_plain"


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading. Raise OSError for all else: a FIFO would be waited at."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotPlain
    return file
