"""A keeper, as its runner starts it, whose leader runs the order's argv.

    keeper.py CONTROL STATUS OUTPUT

Runs without site-packages, so it also shows that a keeper needs none.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from runner.keeper import keep

UNPRIVILEGED = 65533


def lead(order: dict[str, Any], say: Callable[..., None]) -> None:
    if "error" in order:
        raise ValueError(order["error"])
    if order.get("user") is not None:
        os.seteuid(0)
        os.setresuid(order["user"], order["user"], order["user"])
    if order["argv"]:
        say(event="playing")
        os.execve(order["argv"][0], order["argv"], {**os.environ, **order["environment"]})


if os.environ.get("KEEPER_IS_UNPRIVILEGED"):
    os.setresuid(UNPRIVILEGED, UNPRIVILEGED, 0)  # its leader can still become somebody else
sys.exit(keep(*[int(argument) for argument in sys.argv[1:4]], lead))
