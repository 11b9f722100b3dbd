"""The addresses of the page, and what is answered where something goes wrong there."""

import logging
from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from app.auth import Forbidden, note_refusal, require
from app.page import assets
from app.page.rendering import equip, render
from app.page.views import hooks, run, runners, runs, schedules, sign_in, templates
from app.problems import Problem, unavailable
from app.rights import Right
from runner.store.connection import AWAY

log = logging.getLogger(__name__)

#: Each with its view; whoever is not signed in is led to /sign-in.
PAGES = (
    ("/runs", runs.show_runs),
    ("/runs/<id:run_id>", run.show_run),
    ("/templates", templates.show_templates),
    ("/templates/<name>", templates.show_template),
    ("/schedules", schedules.show_schedules),
    ("/hooks", hooks.show_hooks),
    ("/hooks/<name>/deliveries", hooks.show_hook),
    ("/runners", runners.show_runners),
)
OPEN = (
    ("/", runs.show_front),
    ("/sign-in", sign_in.show_sign_in),
    ("/static/<version>/<path:path>", assets.serve),
)
OPEN_ENDPOINTS = {f"page.{view.__name__}" for _, view in OPEN}

WORDS = {
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.FORBIDDEN: "Not yours to see",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now",
}


def register(app: Flask) -> set[str]:
    """Add the page, and name those of its endpoints that are for everybody."""
    page = Blueprint("page", __name__, template_folder="templates")
    equip(page)
    for path, view in (*PAGES, *OPEN):
        page.add_url_rule(path, view_func=view, methods=["GET"], provide_automatic_options=False)
    page.before_request(_require_read)
    page.register_error_handler(Problem, _show_problem)
    for kind in AWAY:
        page.register_error_handler(kind, _show_away)
    app.register_blueprint(page)
    return OPEN_ENDPOINTS


def _require_read() -> None:
    """Let see what the API would let see. Raise a 403 problem."""
    if request.endpoint not in OPEN_ENDPOINTS:
        require(Right.READ)


def _show_problem(problem: Problem) -> Response:
    """Say in words what is wrong."""
    if isinstance(problem, Forbidden):
        note_refusal(problem)
    title = WORDS.get(problem.status, problem.status.phrase)
    return render("problem.html", problem.status, title=title, detail=problem.detail)


def _show_away(error: Exception) -> Response:
    log.error("%s %s: Postgres is away: %s", request.method, request.path, error)
    return _show_problem(unavailable("The database does not answer. Try again in a moment."))
