"""What can be run, and how it has gone."""

import secrets
from collections.abc import Sequence

from flask import Response, current_app, request

from app.api.seeing import seen_templates
from app.api.template_requests import TemplatesQuery
from app.api.templates import find_template
from app.page import form, plots
from app.page.queries import read_filter
from app.page.rendering import render
from app.page.sparkline import sparkline
from app.page.views.runs import rows_of
from app.services import services_of
from runner.run import RunState
from runner.store import hooks, lists, schedules, statistics, templates
from runner.store.statistics import Recent
from runner.template import filled

ROWS = 100
RECENT = 15
DAYS = 30


def show_templates() -> Response:
    """List templates with their last runs."""
    after = read_filter(TemplatesQuery).after
    with services_of(current_app).connection() as conn:
        found = templates.page(conn, after=after, limit=ROWS + 1, among=seen_templates(conn))
        recent = statistics.recent(conn, [each.name for each in found[:ROWS]])
    return render(
        "templates.html",
        title="Templates",
        templates=found[:ROWS],
        recent=recent,
        sparkline=sparkline,
        success_rate=success_rate,
        after=found[ROWS - 1].name if len(found) > ROWS else None,
    )


def show_template(name: str) -> Response:
    """Show a template, the form to run it, and how its runs have gone."""
    with services_of(current_app).connection() as conn:
        stored = find_template(conn, name)
        rows = rows_of(conn, lists.page(conn, limit=RECENT, template=name))
        used_by = hooks.of_template(conn, name)
        scheduled_by = schedules.of_template(conn, name)
        days, all_days = statistics.of_template(conn, name, days=DAYS)
    return render(
        "template.html",
        title=name,
        template=stored,
        spec=filled(stored.spec),
        fields=form.fields(stored.spec),
        is_to_run="run" in request.args,
        # Pressed twice, the button starts one run.
        key=secrets.token_urlsafe(18),
        rows=rows,
        hooks=used_by,
        schedules=scheduled_by,
        plots=plots.plots(days, all_days),
        path=plots.path,
    )


def success_rate(recent: Sequence[Recent]) -> float | None:
    """In percent, those that succeeded of the last runs that nobody stopped. None without any."""
    judged = [run.state for run in recent if run.state is not RunState.STOPPED]
    return 100 * judged.count(RunState.SUCCEEDED) / len(judged) if judged else None
