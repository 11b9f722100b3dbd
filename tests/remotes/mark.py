"""What servers of tests and their children carry, so that a test can tell that none is left."""

import os
from typing import Any

from tests.living import living
from tests.repositories import ENVIRONMENT

MARK = os.urandom(8).hex()
MARKED = {**ENVIRONMENT, "CURTAIN_REMOTE": MARK}


def remaining() -> list[Any]:
    """Find what a server has started and not ended."""
    return living(MARK)
