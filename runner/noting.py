"""What the audit says of runs, whoever does it: a caller of the API, a schedule, a chain."""

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from runner.admission import Admitted
from runner.run import Run
from runner.store.audit import Entry, write
from runner.store.connection import AWAY, Connection, giving_way

log = logging.getLogger(__name__)

SUPERSEDE: Final = "run.supersede"
REPLACE: Final = "run.replace"


class Doer(NamedTuple):
    """Who does something, and from where; a schedule and a chain are nowhere."""

    name: str
    address: str | None = None
    agent: str | None = None


def given(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not: the audit tells only of what there was."""
    return {key: value for key, value in detail.items() if value is not None}


def note_run(conn: Connection, who: Doer, action: str, run: Run, **detail: Any) -> None:
    """Note what is done with a run, in the transaction that does it."""
    entry = Entry(
        actor=who.name,
        action=action,
        target=f"run {run.id}",
        template=run.template,
        address=who.address,
        agent=who.agent,
        detail=given(detail),
    )
    write(conn, entry)


def note_stop(conn: Connection, who: Doer, action: str, run: Run, **detail: Any) -> None:
    """Note a stop, which happens although nobody can write the audit: then the log has it.

    Last in its transaction: the row of *run* is held by it, which its runner must renew.
    """
    try:
        with giving_way(conn):
            note_run(conn, who, action, run, **detail)
    except AWAY as error:
        if conn.closed:
            raise
        log.error("not audited: %s of run %d by %s: %s", action, run.id, who, error)


def note_given_way(conn: Connection, who: Doer, admitted: Admitted) -> None:
    """Note which runs gave a new one their place."""
    for run in admitted.superseded:
        note_run(conn, who, SUPERSEDE, run, superseded_by=admitted.run.id)
    for run in admitted.replaced:
        note_stop(conn, who, REPLACE, run, replaced_by=admitted.run.id)
