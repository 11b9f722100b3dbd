"""The credentials table, and which template uses which. Knows no key: what is sealed stays so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from runner import uses
from runner.errors import RunnerError
from runner.store.connection import Connection
from runner.uses import Known

MOST_NAMED = 100  # runs that an error names

COLUMNS = "name, kind, vault_id, shown, created_at, updated_at, updated_by"


class StoredCredential(NamedTuple):
    """A credential as it is kept, without its secrets."""

    name: str
    kind: str
    vault_id: str | None
    #: What everybody may see.
    shown: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    updated_by: str

    def told(self) -> dict[str, Any]:
        """What the audit has of it: what everybody may see."""
        return {"kind": self.kind, "vault_id": self.vault_id, **self.shown}


class CredentialInUse(RunnerError):
    """Something relies on the credential."""

    code = "credential_in_use"

    def __init__(self, what: str, templates: list[str], runs: list[int], hooks: list[str]) -> None:
        """Say *what* cannot be done because these *templates*, *hooks* and live *runs* use it."""
        named = [f"the template {name}" for name in templates[:5]]
        named += [f"the hook {name}" for name in hooks[:5]]
        named += [f"the run {run_id}" for run_id in runs[:5]]
        more = ", …" if max(len(templates), len(runs), len(hooks)) > 5 else ""
        super().__init__(f"{what}: it is used by {', '.join(named)}{more}")
        self.templates = templates
        self.runs = runs
        self.hooks = hooks


def put(
    conn: Connection, name: str, known: Known, shown: dict[str, Any], sealed: bytes, by: str
) -> tuple[StoredCredential, bool]:
    """Keep *name*, and tell whether it is new.

    Raise CredentialInUse when what its users rely on would change: its kind, its vault id.
    """
    values = {"name": name, "kind": known.kind, "vault_id": known.vault_id, "sealed": sealed}
    with conn.transaction():
        row = conn.execute(
            f"""INSERT INTO credentials (name, kind, vault_id, shown, sealed, updated_by)
                VALUES (%(name)s, %(kind)s, %(vault_id)s, %(shown)s, %(sealed)s, %(by)s)
                ON CONFLICT (name) DO UPDATE
                   SET shown = excluded.shown, sealed = excluded.sealed,
                       updated_by = excluded.updated_by, updated_at = now()
                RETURNING {COLUMNS}, (xmax = 0) AS is_new""",
            {**values, "shown": Jsonb(shown), "by": by},
        ).fetchone()
        assert row is not None
        is_new = row.pop("is_new")
        kept = StoredCredential(**row)
        if (kept.kind, kept.vault_id) != (known.kind, known.vault_id):
            _require_unused(conn, name, f"it stays a {_described(kept)}")
            conn.execute(
                "UPDATE credentials SET kind = %(kind)s, vault_id = %(vault_id)s"
                " WHERE name = %(name)s",
                values,
            )
            kept = kept._replace(kind=known.kind, vault_id=known.vault_id)
    return kept, is_new


def delete(conn: Connection, name: str) -> bool:
    """Forget *name*. False if there was none. Raise CredentialInUse."""
    with conn.transaction():
        # From here on no template can begin to use it: that takes a lock on this row.
        locked = "SELECT 1 FROM credentials WHERE name = %s FOR UPDATE"
        if conn.execute(locked, [name]).fetchone() is None:
            return False
        _require_unused(conn, name, "it cannot be deleted")
        conn.execute("DELETE FROM credentials WHERE name = %s", [name])
    return True


def find(conn: Connection, name: str) -> StoredCredential | None:
    """The credential called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM credentials WHERE name = %s", [name]).fetchone()
    return StoredCredential(**row) if row else None


def page(conn: Connection, *, after: str, limit: int) -> list[StoredCredential]:
    """Up to *limit* credentials by name, those behind *after*."""
    rows = conn.execute(
        f"SELECT {COLUMNS} FROM credentials WHERE name > %s ORDER BY name LIMIT %s", [after, limit]
    ).fetchall()
    return [StoredCredential(**row) for row in rows]


def sealed(conn: Connection, names: Sequence[str]) -> dict[str, bytes]:
    """Those of *names* that there are, encrypted."""
    if not names:
        return {}
    rows = conn.execute(
        "SELECT name, sealed FROM credentials WHERE name = ANY(%s)", [list(names)]
    ).fetchall()
    return {row["name"]: row["sealed"] for row in rows}


def hold(conn: Connection, names: Sequence[str]) -> dict[str, Known]:
    """What is known of those of *names* that there are; it stays so until the transaction ends."""
    rows = conn.execute(
        """SELECT name, kind, vault_id, shown ->> 'host' AS host,
                  kind <> 'ssh_key' OR shown @> '{"known_hosts": true}'
                  OR shown @> '{"host_keys": "accept-new"}' AS knows_hosts,
                  shown @> '{"signed": true}' AS signs
             FROM credentials WHERE name = ANY(%s) ORDER BY name FOR SHARE""",
        [list(names)],
    ).fetchall()
    return {row.pop("name"): Known(**row) for row in rows}


def faults(conn: Connection, spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong by now with the credentials that *spec* uses, as field and message."""
    return uses.faults(spec, hold(conn, uses.names(spec)))


def note_uses(conn: Connection, template: str, names: Sequence[str]) -> None:
    """Let *template* use *names* and no others."""
    conn.execute(
        "DELETE FROM template_credentials WHERE template = %s AND credential <> ALL(%s)",
        [template, list(names)],
    )
    conn.execute(
        """INSERT INTO template_credentials (template, credential)
           SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING""",
        [template, list(names)],
    )


def _require_unused(conn: Connection, name: str, what: str) -> None:
    templates = conn.execute(
        "SELECT template FROM template_credentials WHERE credential = %s ORDER BY template", [name]
    ).fetchall()
    runs = conn.execute(
        """SELECT id FROM runs
            WHERE state IN ('queued', 'running')
              AND (spec -> 'credentials' ? %(name)s
                   OR spec #>> '{playbook,credential}' = %(name)s
                   OR spec #>> '{inventory,credential}' = %(name)s
                   OR spec -> 'notifications' @> %(target)s)
            ORDER BY id LIMIT %(limit)s""",
        {"name": name, "limit": MOST_NAMED, "target": Jsonb([{"to": {"credential": name}}])},
    ).fetchall()
    hooks = conn.execute(
        "SELECT name FROM hooks WHERE spec ->> 'credential' = %s ORDER BY name", [name]
    ).fetchall()
    if templates or runs or hooks:
        raise CredentialInUse(
            what,
            [row["template"] for row in templates],
            [row["id"] for row in runs],
            [row["name"] for row in hooks],
        )


def _described(kept: StoredCredential) -> str:
    return kept.kind + (f" with the vault id {kept.vault_id!r}" if kept.vault_id else "")


def changed_since(conn: Connection, names: Sequence[str], at: datetime) -> bool:
    """Whether one of them is gone, or another than it was."""
    row = conn.execute(
        "SELECT count(*) AS count FROM credentials WHERE name = ANY(%s) AND updated_at <= %s",
        [list(names), at],
    ).fetchone()
    assert row is not None
    return bool(row["count"] < len(set(names)))
