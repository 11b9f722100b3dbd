"""Who is there to take runs."""

from flask import Response, current_app

from app.auth import caller
from app.page.rendering import render
from app.services import services_of
from runner.store import maintenance, neighbours, runners


def show_runners() -> Response:
    """List the runners that are alive: slots, machine, last beat, and what they hold."""
    with services_of(current_app).connection() as conn:
        alive = runners.alive(conn)
        pause = maintenance.find(conn)
        held = [run for run in neighbours.held(conn) if caller().sees(run.template)]
    return render("runners.html", title="Runners", runners=alive, held=held, pause=pause)
