"""The one way in which tests wait."""

import inspect
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which something has failed to come, and is not merely late: far above what a slow
#: and busy machine needs. How long a thing takes is for `tests/bench` to say.
PATIENCE = 90.0


def wait_until(condition: Callable[[], T], timeout: float = PATIENCE, interval: float = 0.01) -> T:
    """Ask *condition* until its answer is true, and return that. Times are seconds.

    Raise AssertionError naming the condition when *timeout* has passed.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {_name(condition)} (last: {answer!r})")
        time.sleep(interval)
    return answer


def _name(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
