"""What of templates and runs the caller sees. What is hidden is answered as what is not there."""

from collections.abc import Iterable

from app.auth import caller
from app.rights import Right
from runner.store import runs, templates
from runner.store.connection import Connection


def seen_templates(conn: Connection) -> list[str] | None:
    """The names of the templates that the caller sees; None: all."""
    return None if caller().sees_everything else _seen(templates.names(conn))


def templates_of_seen_runs(conn: Connection) -> list[str] | None:
    """The same of all templates that there are runs of, those that are gone too; None: all."""
    return None if caller().sees_everything else _seen(runs.template_names(conn))


def sees_chats() -> bool:
    """Whether the caller sees hooks of chats, which belong to no template."""
    return Right.ADMIN in caller().rights and caller().sees_everything


def _seen(names: Iterable[str]) -> list[str]:
    return [name for name in names if caller().sees(name)]
