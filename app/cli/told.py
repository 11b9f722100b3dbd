"""What a server has told: what is not as Curtain tells it is the server's fault, and said so."""

import json
from typing import Any, NoReturn

from app.cli.errors import Unreachable


class Told(dict[str, Any]):
    """An object that a server has told."""

    def __missing__(self, name: str) -> NoReturn:
        """Raise Unreachable: it is told by every server of this version."""
        raise Unreachable(f"what answers is not Curtain, or another version: it tells no {name!r}")


def read(text: str | bytes) -> Told:
    """Read an object. Raise Unreachable for anything else."""
    try:
        told = json.loads(text, object_hook=Told)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, Told):
        raise Unreachable("what answers is not Curtain: it tells no JSON object")
    return told
