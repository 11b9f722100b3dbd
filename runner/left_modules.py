"""What a killed Ansible has left in its temporary directory (`remote_tmp`) on this machine.

For a task of a local connection Ansible makes a directory there, by default in ~/.ansible/tmp, and
puts the module with its arguments into it, secrets too. Who is killed does not remove it. Others
have theirs beside it, so Ansible itself tells us which are a run's: see runner/ansible/site.
"""

import io
import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runner.paper import open_plain
from runner.plugin import MODULES

log = logging.getLogger(__name__)

#: A line of the file. Ansible's name has a time, the process that made it, and 48 random bits.
LINE: Final = re.compile(rb"^/.*/ansible-tmp-[0-9]+\.[0-9]+-[0-9]+-[0-9]+$", re.MULTILINE)
LIMIT: Final = 4 * 1024 * 1024  # bytes from the end; 45,000 tasks, of which the last may be left


def left_modules(directory: Path) -> Iterator[Path]:
    """Tell what the run in *directory* has made for modules, and has not removed.

    A playbook can write that file, too. What is not called as Ansible calls them, or is another
    user's, is not told: the rest a playbook, which runs as this user, could remove by itself.
    """
    return (path for path in _told(directory) if is_ours(path))


def is_ours(path: Path) -> bool:
    """Whether it is there: a directory of this user's, and no link."""
    try:
        found = path.lstat()
    except (OSError, ValueError):  # it was removed, as nearly all of them; or is no path
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _told(directory: Path) -> Iterator[Path]:
    try:
        with open_plain(directory / MODULES) as file:
            file.seek(max(0, file.seek(0, io.SEEK_END) - LIMIT))
            raw = file.read(LIMIT)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("what Ansible has left for modules cannot be read: %s", error)
        return
    for line in LINE.finditer(raw):
        yield Path(os.fsdecode(line[0]))
