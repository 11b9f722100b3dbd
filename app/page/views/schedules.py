"""What is run by itself, and when."""

from flask import Response, current_app

from app.api.schedule_answers import ScheduleAnswer
from app.api.seeing import seen_templates
from app.api.template_requests import SchedulesQuery
from app.page.queries import read_filter
from app.page.rendering import render
from app.services import services_of
from runner.store import schedules

ROWS = 50


def show_schedules() -> Response:
    """List schedules with their next due times, and what became of the last."""
    after = read_filter(SchedulesQuery).after
    with services_of(current_app).connection() as conn:
        rows = schedules.page(conn, after=after, limit=ROWS + 1, of=seen_templates(conn))
    shown = [ScheduleAnswer.of(row) for row in rows[:ROWS]]
    further = shown[-1].name if len(rows) > ROWS else None
    return render("schedules.html", title="Schedules", schedules=shown, after=further)
