"""What the end of a run is written down as: queued again, or final."""

import logging
from dataclasses import replace
from typing import Final

from runner.flight import may_continue_on
from runner.judge import End, Verdict, judge
from runner.recap import read_recap
from runner.run import Run, RunState
from runner.store import moves, runs
from runner.store.connection import Connection

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5  # a run that takes its runner down with it must not do so for ever

#: For what a run that has not begun is ended, and may as well be begun by another runner.
NO_FAULT_OF_ITS_OWN = ("shutdown", "orphaned")


def settle(
    conn: Connection,
    run: Run,
    end: End,
    *,
    actor: str,
    complete: bool,
    truncated: bool,
    events: bool | None = None,
) -> Run | None:
    """Write what *end* means for *run*, whose family is gone and whose lease *actor* has.

    *complete* and *truncated* are of its output; *events*: whether all of those are stored, too.

    running -> queued if nothing of it has run, or its template says that it may be repeated;
    else -> a final state. None when the lease is not the one that *run* tells.
    """
    verdict = verdict_on(run, end, run.directory)
    stored = moves.Stored(complete=complete, truncated=truncated, events=events)
    if run.stop_requested_at is None:
        if may_begin_again(end):
            moved = moves.release(conn, run, actor=actor, never_started=True)
        elif may_be_repeated(run, verdict):
            moved = moves.requeue(conn, run, verdict, actor=actor, **stored)
        else:
            moved = None
        if moved is not None:
            log.warning("run %d: queued again: %s", run.id, verdict.message, extra={"run": run.id})
            return moved
        asked = runs.find(conn, run.id) or run  # a stop may have come in between
        verdict = replace(
            judge(asked, end), may_continue_on=verdict.may_continue_on, hosts=verdict.hosts
        )
    return moves.finish(conn, run, verdict, actor=actor, **stored)


def verdict_on(run: Run, end: End, directory: str | None) -> Verdict:
    """Judge, and tell of its hosts what is in its directory: where it may go on, and results."""
    has_begun = not (end.never_started or end.refusal)
    has_played = run.playing_at is not None
    hosts = may_continue_on(directory, has_played=has_played) if has_begun else []
    results = read_recap(directory) if has_begun else None
    return replace(judge(run, end), may_continue_on=hosts, hosts=results)


def may_begin_again(end: End) -> bool:
    """Whether nothing of it has run, and nothing in it is the reason."""
    return end.never_started and end.refusal is None and end.why in NO_FAULT_OF_ITS_OWN


def may_be_repeated(run: Run, verdict: Verdict) -> bool:
    """Whether its template says that an interrupted run may be played again."""
    is_allowed = run.spec.get("on_interrupt") == "requeue" and run.attempt < ATTEMPTS
    return verdict.state is RunState.INTERRUPTED and is_allowed
