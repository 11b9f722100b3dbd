"""httpx, without the command line that it brings: with that comes all of rich and pygments.

They take 90 ms of 240, in each call of a command (measured with `python -X importtime`).
"""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402 - what stands above has to be first

__all__ = ["httpx"]
