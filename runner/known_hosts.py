"""The lines of an ssh known_hosts file, checked as sshd(8) describes them. Pure."""

import base64
import re

from runner.ssh_key import with_plain_lines

MARKERS = ("@cert-authority", "@revoked")
#: Salt and SHA-1 of a name that nobody shall read.
HASHED = re.compile(r"\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=")
NAMES = re.compile(r"[^\s|]+")
ALGORITHM = re.compile(r"(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+")


def checked(text: str) -> str:
    """Give *text* with plain line ends. Raise ValueError naming the first line that is wrong."""
    lines = with_plain_lines(text).split("\n")
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and (fault := _fault(line)):
            raise ValueError(f"line {number} {fault}")
    return "\n".join(lines) + "\n"


def _fault(line: str) -> str | None:
    marker, *rest = line.split()
    if not marker.startswith("@"):
        rest = [marker, *rest]
    elif marker not in MARKERS:
        return f"has a marker that is neither {' nor '.join(MARKERS)}"
    if len(rest) < 3:
        return "must have a host, the kind of its key and the key, as ssh-keyscan prints them"
    hosts, algorithm, key = rest[:3]
    if not (HASHED.fullmatch(hosts) or NAMES.fullmatch(hosts)):
        return "has no host that ssh would understand"
    if not ALGORITHM.fullmatch(algorithm):
        return "has no kind of key behind its host"
    return None if _is_key(algorithm, key) else "has a key that is cut off or not of its kind"


def _is_key(algorithm: str, key: str) -> bool:
    """Whether *key* is what it says; its kind is written in it once more."""
    try:
        blob = base64.b64decode(key, validate=True)
    except ValueError:
        return False
    name = algorithm.encode()
    return blob.startswith(len(name).to_bytes(4, "big") + name) and len(blob) > len(name) + 20
