"""How a template's runs went."""

from datetime import date
from http import HTTPStatus

from flask import Response
from pydantic import Field

from app.api.answers import Answer
from app.api.template_requests import StatisticsQuery
from app.api.templates import find_template
from app.operations import Operation, answer
from app.services import Services
from runner.run import RunState
from runner.store import statistics

SECONDS = "seconds from start to end of those that succeeded, to 1 %; null when none did"


class DayAnswer(Answer):
    """How runs ended on a day."""

    day: date = Field(description="UTC; a run counts where it ended")
    succeeded: int
    failed: int
    stopped: int
    other: int = Field(description="timed_out, interrupted and lost")
    p50: float | None = Field(description=SECONDS)
    p95: float | None = Field(description=SECONDS)


class StatisticsAnswer(Answer):
    """How a template's runs went."""

    days: list[DayAnswer] = Field(description="each of them, the oldest first")
    runs: int = Field(description="how many ended in all these days")
    success_rate: float | None = Field(
        description="the share that succeeded of those that nobody stopped; null: none"
    )
    p50: float | None = Field(description=SECONDS)
    p95: float | None = Field(description=SECONDS)


class RecentRunAnswer(Answer):
    """A run that has ended."""

    id: int
    state: RunState
    seconds: float | None = Field(description="from its start to its end; null: never started")


class RecentAnswer(Answer):
    """The last runs of a template that have ended."""

    runs: list[RecentRunAnswer] = Field(description="up to 30, the newest last")
    usual_seconds: float | None = Field(
        description="the median of the last 30 that succeeded, from start to end; null: none has"
    )


def show_statistics(services: Services, name: str, query: StatisticsQuery) -> Response:
    """Show how a template's runs went: by days, and over all of them.

    A run counts from the moment it has ended.
    """
    with services.connection() as conn:
        find_template(conn, name)
        days, all_days = statistics.of_template(conn, name, days=query.days)
    return answer(
        StatisticsAnswer(
            days=[DayAnswer.model_validate(day) for day in days],
            runs=all_days.runs,
            success_rate=all_days.success_rate,
            p50=all_days.p50,
            p95=all_days.p95,
        )
    )


def show_recent(services: Services, name: str) -> Response:
    """Show how the last runs of a template ended, and how long one usually takes."""
    with services.connection() as conn:
        find_template(conn, name)
        recent = statistics.recent(conn, [name])[name]
        usual = statistics.usual_seconds(conn, name)
    runs = [RecentRunAnswer.model_validate(run) for run in recent]
    return answer(RecentAnswer(runs=runs, usual_seconds=usual))


OPERATIONS = (
    Operation(
        method="GET",
        path="/templates/<name>/statistics",
        view=show_statistics,
        query=StatisticsQuery,
        answers={HTTPStatus.OK: StatisticsAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/templates/<name>/recent",
        view=show_recent,
        answers={HTTPStatus.OK: RecentAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
