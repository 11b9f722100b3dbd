"""Keyset paging: one more row than asked for tells whether there is a next page."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

Row = TypeVar("Row")


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """Leave *limit* of limit + 1 rows, and tell whether more follow."""
    return rows[:limit], len(rows) > limit


def next_page(key: str, value: object) -> str:
    """Write this request's URL with *key* moved on; the path only: proxies may stand before us."""
    kept = [(name, text) for name, text in request.args.items(multi=True) if name != key]
    return f"{request.path}?{urlencode([*kept, (key, value)])}"
