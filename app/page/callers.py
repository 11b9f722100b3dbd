"""What the one who looks at the page may see and do there."""

from app.api.seeing import seen_templates
from app.auth import find_caller
from app.rights import Right
from runner.store import templates
from runner.store.connection import Connection

MOST = 500  # names of templates that a list offers


def may(right: str, template: str | None = None) -> bool:
    """Whether the caller has the right, over *template* if one is given."""
    known = find_caller()
    if known is None or Right(right) not in known.rights:
        return False
    return template is None or known.sees(template)


def names(conn: Connection) -> list[str]:
    """The names of the templates that the caller sees."""
    found = templates.page(conn, after="", limit=MOST, among=seen_templates(conn))
    return [each.name for each in found]
