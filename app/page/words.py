"""Spans and times as people say them. Pure."""

from datetime import UTC, datetime
from typing import Final

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
NONE: Final = "\N{EN DASH}"


def span(seconds: float | None) -> str:
    """Say how long: 0.4 s, 8 s (if it is whole), 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return NONE
    if isinstance(seconds, float) and seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    for unit, name, small, small_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // small
            return f"{whole // unit} {name}" + (f" {rest} {small_name}" if rest else "")
    raise AssertionError(seconds)


def ago(then: datetime | None, now: datetime) -> str:
    """Say how long ago, roughly: just now, 40 s ago, 5 min ago, 3 h ago, 12 d ago."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    if seconds < 5:
        return "just now"
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    raise AssertionError(seconds)


def iso(time: datetime) -> str:
    """Write a time for machines; the browser shows it in its own zone."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(time: datetime | None) -> str:
    """Write a time for people without a script: 2026-11-21 10:00:00 UTC."""
    return NONE if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: int) -> str:
    """Say how many bytes."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    raise AssertionError(count)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Say 1 host, 3 hosts."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
