"""Keyset paging: one more row than asked for tells whether there is a next page."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

Row = TypeVar("Row")


def cut(
    rows: Sequence[Row], limit: int, key: str, place: Callable[[Row], object]
) -> tuple[Sequence[Row], str | None]:
    """Leave *limit* of limit + 1 rows, and tell where the next page is; None on the last.

    It begins at the *place* of the last row that is left, which the parameter *key* tells.
    """
    shown = rows[:limit]
    return shown, next_page(key, place(shown[-1])) if len(rows) > limit else None


def next_page(key: str, value: object) -> str:
    """Write this request's URL with *key* moved on; the path only: proxies may stand before us."""
    kept = [(name, text) for name, text in request.args.items(multi=True) if name != key]
    return f"{request.path}?{urlencode([*kept, (key, value)])}"
