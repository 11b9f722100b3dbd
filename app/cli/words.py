"""A run in words. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86_400

STYLES = {
    "queued": "cyan",
    "succeeded": "green",
    "failed": "red",
    "stopped": "yellow",
    "timed out": "red",
    "interrupted": "magenta",
    "lost": "bold red",
}
FINAL = ("succeeded", "failed", "stopped", "timed_out", "interrupted", "lost")

Run = Mapping[str, Any]


def is_final(run: Run) -> bool:
    """Whether it has ended for good."""
    return run["state"] in FINAL


def state(run: Run) -> str:
    """The state in a word or two."""
    if run["state"] != "running":
        return str(run["state"]).replace("_", " ")
    if run["stale"]:
        return "silent"
    return "stopping" if run["stopping"] else str(run["phase"] or "running")


def sentence(run: Run, now: datetime) -> str:
    """What is going on, or how it ended."""
    if is_final(run):
        return f"{state(run)}{_after(run, now)}" + (f": {run['message']}" if run["message"] else "")
    if run["state"] == "queued":
        again = f", attempt {run['attempt'] + 1}" if run["attempt"] else ""
        why = f": {run['waiting']['message']}" if run.get("waiting") else ""
        return f"queued for {span(_since(run['queued_at'], now))}{again}{why}"
    if run["stale"]:
        beat = run["heartbeat_at"]
        heard = f" for {span(_since(beat, now))}" if beat else ""
        return f"silent: its runner has not been heard of{heard}, it may not be running any more"
    if run["stopping"]:
        return _stopping(run, now)
    since = run["playing_at"] or run["claimed_at"]
    return f"{state(run)} for {span(_since(since, now))}"


def _stopping(run: Run, now: datetime) -> str:
    stop = run["stop"]
    how = " by force" if stop["forced_at"] else ""
    words = f"stopping{how} for {span(_since(stop['requested_at'], now))}"
    if stop["by"]:
        words += f", asked by {stop['by']}"
    if count := len(run["survivors"]):
        words += f"; {count} {'process' if count == 1 else 'processes'} would not die"
    return words


def _after(run: Run, now: datetime) -> str:
    seconds = duration(run, now)
    return "" if seconds is None else f" after {span(seconds)}"


def duration(run: Run, now: datetime) -> float | None:
    """Seconds from its start to its end, or until now; None if it never started."""
    if not run["claimed_at"]:
        return None
    end = time(run["finished_at"]) if run["finished_at"] else now
    return max(0.0, (end - time(run["claimed_at"])).total_seconds())


def _since(text: str, now: datetime) -> float:
    return max(0.0, (now - time(text)).total_seconds())


def time(text: str) -> datetime:
    """Read a time of the API."""
    return datetime.fromisoformat(text)


def local(text: str | None) -> str:
    """A time of the API as the clock on the wall has it."""
    return time(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def age(text: str | None, now: datetime) -> str:
    """How long ago a time of the API was."""
    return f"{span(_since(text, now))} ago" if text else ""


def span(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    whole = int(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
