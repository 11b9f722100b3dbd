"""All runs, the newest first."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, current_app, redirect
from werkzeug.wrappers import Response as BaseResponse

from app.api.run_requests import RunsQuery
from app.api.runs import page_of
from app.page.callers import names
from app.page.queries import read_filter
from app.page.rendering import render
from app.page.sparkline import Sparkline, sparkline
from app.page.status import Status, status
from app.services import services_of
from runner.run import Run, RunState, Trigger
from runner.store import statistics
from runner.store.connection import Connection

ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run as the list shows it."""

    run: Run
    status: Status
    seconds: float | None
    sparkline: Sparkline | None


def show_front() -> BaseResponse:
    """Lead to the runs."""
    return redirect("/runs")


def show_runs() -> Response:
    """List runs by state, template and trigger."""
    query = read_filter(RunsQuery)
    with services_of(current_app).connection() as conn:
        found = page_of(conn, query, ROWS)
        rows = rows_of(conn, found[:ROWS])
        offered = names(conn)
    return render(
        "runs.html",
        title="Runs",
        rows=rows,
        older=found[ROWS - 1].id if len(found) > ROWS else None,
        query=query,
        filtered=query.model_dump(mode="json", exclude={"before", "limit"}, exclude_none=True),
        names=offered,
        states=list(RunState),
        triggers=[each for each in Trigger if each is not Trigger.OTHER],
    )


def rows_of(conn: Connection, shown: list[Run]) -> list[Row]:
    """Say of each run what its row shows."""
    now = datetime.now(UTC)
    recent = statistics.recent(conn, sorted({run.template for run in shown}))
    return [
        Row(
            run=run,
            status=status(run, now),
            seconds=seconds_of(run, now),
            sparkline=sparkline(recent.get(run.template, [])),
        )
        for run in shown
    ]


def seconds_of(run: Run, now: datetime) -> float | None:
    """From its start to its end, or until now; None if it never started."""
    if run.claimed_at is None:
        return None
    return ((run.finished_at or now) - run.claimed_at).total_seconds()
