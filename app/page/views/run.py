"""One run: where it stands, how it came there, and what can be done."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, current_app

from app.api.run_answers import RunAnswer
from app.api.runs import find_run
from app.approving import missing_right, objection
from app.auth import caller
from app.page import moves
from app.page.commits import commits
from app.page.rendering import render
from app.page.status import living, status, survivors
from app.page.timeline import timeline
from app.page.views.runs import seconds_of
from app.services import services_of
from runner.run import Run, RunState
from runner.store import events, lists, neighbours, notifications, templates
from runner.store.connection import Connection
from runner.why import why_waiting

MOST = 200  # moves and notifications that are shown


def show_run(run_id: int) -> Response:
    """Show a run. What is live of it is asked for again by the page's script."""
    now = datetime.now(UTC)
    with services_of(current_app).connection() as conn:
        run = find_run(conn, run_id)
        shown = {**_surroundings(conn, run), **_status(conn, run, now)}
    return render(
        "run.html",
        title=f"{run.template} #{run.id}",
        run=run,
        answer=RunAnswer.of(run),
        due=datetime.fromisoformat(run.schedule["due"]) if run.schedule else None,
        seconds=seconds_of(run, now),
        stages=timeline(run, now),
        survivors=survivors(run.survivors),
        living=living(run),
        may_approve=_may_approve(run),
        sentence=moves.sentence,
        details=moves.details,
        **shown,
    )


def _may_approve(run: Run) -> bool:
    by = caller()
    return (
        objection(run, by.name) is None
        and missing_right(run, lambda right: right in by.rights) is None
    )


def _status(conn: Connection, run: Run, now: datetime) -> dict[str, Any]:
    if run.state is not RunState.QUEUED:
        return {"status": status(run, now)}
    why = why_waiting(conn, run)
    return {"status": status(run, now, why=why.message if why else ""), "why": why}


def _surroundings(conn: Connection, run: Run) -> dict[str, Any]:
    earlier = neighbours.earlier(conn, run)
    return {
        "moves": events.page(conn, run.id, after=0, limit=MOST),
        "earlier": earlier,
        "commits": commits(run, earlier),
        "notifications": notifications.of_run(conn, run.id, after=0, limit=MOST),
        "reruns": lists.page(conn, limit=20, rerun_of=run.id),
        "has_template": templates.find(conn, run.template) is not None,
    }
