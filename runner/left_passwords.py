"""Login passwords that a killed Ansible has left in shared memory.

Its ssh plugin (ansible-core 2.19) hands a password to ssh in a block of /dev/shm, which is removed
when that ssh has ended. Who is killed removes nothing, and no directory of a run has it in it.
"""

import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from runner import linux

log = logging.getLogger(__name__)

BLOCKS = Path("/dev/shm")  # noqa: S108 this is where they are, not a choice of ours
BEGINNING = b'{"password": '
YOUNG = 60.0  # seconds; a block is there a moment before the ssh that is told its name


def sweep_passwords(blocks: Path = BLOCKS) -> None:
    """Remove the blocks of this user that nobody has been told of who is alive."""
    old = {block.name: block for block in blocks.glob("psm_*") if _is_old_password(block)}
    if not old:
        return
    for name in set(old) - set(_names_in_use()):
        log.warning("%s was left behind by Ansible, with a password, and is removed", old[name])
        old[name].unlink(missing_ok=True)


def _is_old_password(block: Path) -> bool:
    """Whether it is a password of this user, and old enough to be told of."""
    try:
        found = block.lstat()
        is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not is_ours or time.time() - found.st_mtime < YOUNG:
            return False
        with block.open("rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING
    except FileNotFoundError:
        return False  # its Ansible has removed it


def _names_in_use() -> Iterator[str]:
    """The blocks that living processes were told of."""
    told = b"_ANSIBLE_SSH_ASKPASS_SHM="
    for process in linux.everyone():
        for variable in linux.contents(process.pid, "environ").split(b"\0"):
            if variable.startswith(told):
                yield os.fsdecode(variable.removeprefix(told))
