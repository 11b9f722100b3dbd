"""All that is declared, of whatever kind: read at one moment, and held while it is restored."""

from typing import Any, NamedTuple

from runner.store.connection import Connection

Row = dict[str, Any]


class Declared(NamedTuple):
    """The rows of everything but history. What is sealed stays so."""

    credentials: list[Row]
    templates: list[Row]
    hooks: list[Row]
    schedules: list[Row]
    tokens: list[Row]
    #: None: there is none yet.
    token_key: bytes | None


def everything(conn: Connection) -> Declared:
    """Read all. At one moment, if the transaction under way sees one."""
    key = conn.execute("SELECT sealed FROM token_key").fetchone()
    return Declared(
        credentials=conn.execute("SELECT name, sealed FROM credentials ORDER BY name").fetchall(),
        templates=conn.execute("SELECT name, spec FROM templates ORDER BY name").fetchall(),
        hooks=conn.execute("SELECT name, spec, sealed FROM hooks ORDER BY name").fetchall(),
        schedules=conn.execute("SELECT name, spec, sealed FROM schedules ORDER BY name").fetchall(),
        tokens=conn.execute(
            """SELECT name, id, digest, rights, templates, created_by, expires_at
                 FROM tokens ORDER BY name"""
        ).fetchall(),
        token_key=key["sealed"] if key else None,
    )


def hold(conn: Connection) -> None:
    """Let nobody else change any of it until the transaction ends; all may read, and runs begin.

    In the order in which others take these tables, so that nobody waits in a circle.
    """
    conn.execute(
        """LOCK TABLE credentials, templates, template_credentials, hooks, schedules, token_key,
                      tokens
             IN SHARE ROW EXCLUSIVE MODE"""
    )
