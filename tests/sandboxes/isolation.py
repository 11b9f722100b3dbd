"""Whether this machine lets us make sandboxes, and what it takes to."""

import os
import subprocess
from functools import cache
from typing import NamedTuple

USER = 54321  # the number of the ordinary user in each sandbox; nobody's outside
#: All that a sandbox is made of, once: where one of it fails, the machine forbids it.
PROBE = """
ip link add bridge type bridge
ip link add one type veth peer name other
mount -t tmpfs probe /tmp
mount -t proc proc /proc
exec $BECOME true
"""


class Isolation(NamedTuple):
    """How somebody becomes the owner of namespaces, and an ordinary user again."""

    #: Makes the platform's user namespace; empty for root, who needs none.
    own: tuple[str, ...]
    #: Enters it.
    enter: tuple[str, ...]
    #: Makes an ordinary user of its owner.
    become: str
    #: That user's number, as the owner sees it.
    owner: int


ROOT = Isolation(
    (),
    (),
    f"setpriv --reuid={USER} --regid={USER} --clear-groups --inh-caps=-all --bounding-set=-all",
    USER,
)
#: Who is not root is one user, by whatever number: his own, root of the platform, and dyno.
ANYBODY = Isolation(
    ("--user", "--map-root-user"),
    ("--user", "--preserve-credentials"),
    f"unshare --user --map-user={USER} --map-group={USER}",
    0,
)


class Forbidden(Exception):
    """Why there can be no sandboxes on this machine."""


@cache
def isolation() -> Isolation:
    """Find out once. Raise Forbidden when the machine does not allow it, with its words."""
    found = ROOT if os.getuid() == 0 else ANYBODY
    unshare = ("unshare", *found.own, "--net", "--pid", "--fork", "--kill-child", "--mount")
    tried = subprocess.run(
        [*unshare, "--ipc", "--uts", "sh", "-e", "-c", PROBE],
        env={**environ(), "BECOME": found.become},
        capture_output=True,
        text=True,
    )
    if tried.returncode != 0:
        raise Forbidden(f"this machine allows no sandboxes: {tried.stderr.strip()}")
    return found


def environ() -> dict[str, str]:
    """Give the environment of what makes namespaces: its programs are those of root."""
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
