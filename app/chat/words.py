"""Runs told in words, for people who read them in a line or two. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.chat.grammar import FORMS
from runner.run import Run, RunState

MOST_LISTED: Final = 10
LONGEST_TAIL: Final = 2500  # characters; chats take some 3,000


def state(run: Run) -> str:
    """The state as a person would say it."""
    if run.is_stopping:
        return "stopping"
    if run.state is RunState.RUNNING and run.stale:
        return "running, as was last heard"
    return run.state.replace("_", " ")


def one(run: Run, now: datetime) -> str:
    """A run in one line."""
    return f"Run {run.id} of {run.template}: {state(run)}{_since(run, now)}, by {run.triggered_by}"


def _since(run: Run, now: datetime) -> str:
    if run.finished_at is not None:
        began = run.claimed_at or run.queued_at
        return f" after {span((run.finished_at - began).total_seconds())}"
    since = run.claimed_at if run.state is RunState.RUNNING else run.queued_at
    return f" for {span((now - (since or run.queued_at)).total_seconds())}"


def span(seconds: float) -> str:
    """Seconds as people say them."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def more(run: Run, now: datetime) -> str:
    """A run in some lines."""
    lines = [one(run, now)]
    lines += [run.message] if run.message else []
    lines += [f"Reason: {run.reason}"] if run.reason else []
    if run.is_stopping:
        why = f": {run.stop_reason}" if run.stop_reason else ""
        lines.append(f"Stop asked for by {run.stop_requested_by}{why}")
    if run.survivors:
        lines.append(f"{len(run.survivors)} of its processes would not die yet")
    if run.is_final and run.may_continue_on:
        lines.append(f"May go on at {', '.join(run.may_continue_on[:MOST_LISTED])}")
    return "\n".join(lines)


def several(runs: Sequence[Run], now: datetime) -> str:
    """Runs, a line each."""
    return "\n".join(one(run, now) for run in runs) if runs else "There are no runs."


def tail(run: Run, output: str, now: datetime) -> str:
    """The end of a run's output."""
    cut = output[-LONGEST_TAIL:]
    if len(cut) < len(output) and "\n" in cut:
        cut = cut.partition("\n")[2]
    nothing = (
        "(no output yet)" if run.output_kept != "gone" else "(its output is not kept any more)"
    )
    return f"{one(run, now)}\n{cut.strip() or nothing}"


def help_text() -> str:
    """Every command in its form."""
    return "\n".join(["What I understand:", *FORMS.values()])
