"""Where Git hosts, chats and others call in, and what came of it."""

from flask import Response, current_app

from app.api.hook_requests import DeliveriesQuery, HooksQuery
from app.api.hooks import find_hook
from app.api.seeing import seen_templates, sees_chats
from app.hooks.hook_answers import StoredHookAnswer
from app.page.queries import read_filter
from app.page.rendering import render
from app.services import services_of
from runner.store import deliveries, hooks

ROWS = 50


def show_hooks() -> Response:
    """List hooks."""
    after = read_filter(HooksQuery).after
    with services_of(current_app).connection() as conn:
        rows = hooks.page(
            conn, after=after, limit=ROWS + 1, of=seen_templates(conn), chats=sees_chats()
        )
    shown = [StoredHookAnswer.of(row) for row in rows[:ROWS]]
    older = shown[-1].name if len(rows) > ROWS else None
    return render("hooks.html", title="Hooks", hooks=shown, after=older)


def show_hook(name: str) -> Response:
    """Show a hook without its secrets, and its deliveries."""
    query = read_filter(DeliveriesQuery)
    with services_of(current_app).connection() as conn:
        stored = find_hook(conn, name)
        rows = deliveries.page(
            conn, name, before=query.before, decision=query.decision, limit=ROWS + 1
        )
    return render(
        "hook.html",
        title=name,
        hook=StoredHookAnswer.of(stored),
        spec=stored.spec,
        deliveries=rows[:ROWS],
        query=query,
        older=rows[ROWS - 1].id if len(rows) > ROWS else None,
    )
