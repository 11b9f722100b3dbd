"""What a backup holds, put into an installation: all of it, or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from app.auditing import Action
from app.backup import reading
from app.backup.document import Document, KeptSchedule, KeptToken, Key, objects
from app.backup.reading import Found
from app.hooks.people import ChatHook
from app.hooks.triggering import Triggering
from runner import due, uses
from runner.credential import Credential, shown
from runner.errors import RunnerError
from runner.store import audit, credentials, declared, hooks, schedules, templates, tokens
from runner.store.audit import Entry
from runner.store.connection import Connection
from runner.store.schedules import Kept
from runner.store.tokens import Wanted
from runner.template import Template
from runner.vault import Vault

#: Who changes things, as they, their audit and the pages name it.
BY: Final = "restore"


class Occupied(RunnerError):
    """The installation has something else by the names of the backup."""


class Plan(NamedTuple):
    """What a restore changes."""

    #: What is not as in the backup, in the order of use.
    wanted: dict[Key, Any]
    #: Which of them there are already, as something else.
    replaced: list[Key]
    #: Tokens that the backup has not, and that its token key makes worthless.
    revoked: list[str]
    #: The key of all tokens; None: it stays as it is.
    token_key: str | None


def plan(backup: Document, there: Found) -> Plan:
    """Compare both. Pure."""
    readable = objects(there.document)
    known = {*readable, *there.unfit}
    wanted = {key: each for key, each in objects(backup).items() if readable.get(key) != each}
    has_key = there.document.token_key is not None or there.has_unreadable_token_key
    is_other_key = bool(backup.tokens) and there.document.token_key != backup.token_key
    revoked = [
        name
        for name in there.document.tokens
        if is_other_key and has_key and name not in backup.tokens
    ]
    return Plan(
        wanted,
        [key for key in wanted if key in known],
        revoked,
        backup.token_key if is_other_key else None,
    )


def restore(conn: Connection, vault: Vault, backup: Document, *, replace: bool) -> Plan:
    """Put everything as in the backup, in one transaction. What it does not name stays.

    Raise Occupied when that would change something and nobody has said *replace*.
    """
    with conn.transaction():
        declared.hold(conn)
        made = plan(backup, reading.find(conn, vault))
        if not replace:
            _require_free(made)
        restoring = Restoring(conn, vault, backup)
        restoring.put_token_key(made)
        for key, each in made.wanted.items():
            restoring.put(key, each)
        restoring.note(backup, made)
    return made


def _require_free(made: Plan) -> None:
    taken = [*map(str, made.replaced)]
    taken += [f"token {name} (it was made with another key)" for name in made.revoked]
    if taken:
        raise Occupied(
            f"this installation has by these names something else: {', '.join(taken)}. --replace "
            "makes all that the backup names as it is there, and revokes tokens of another key"
        )


@dataclass(frozen=True)
class Restoring:
    """Puts what was in a backup, and notes each in the audit, in the transaction under way."""

    conn: Connection
    vault: Vault
    backup: Document

    def put(self, key: Key, wanted: Any) -> None:
        """Put one object. Raise CredentialInUse."""
        puts: dict[str, Callable[[str, Any], Entry]] = {
            "credentials": self._credential,
            "templates": self._template,
            "hooks": self._hook,
            "schedules": self._schedule,
            "tokens": self._token,
        }
        audit.write(self.conn, puts[key.kind](key.name, wanted))

    def put_token_key(self, made: Plan) -> None:
        """Keep the key of the backup's tokens, and revoke those that are worth nothing with it."""
        if made.token_key is None:
            return
        for name in made.revoked:
            before = tokens.delete(self.conn, name)
            assert before is not None
            audit.write(
                self.conn, _entry(Action.REVOKE_TOKEN, Key("tokens", name), before=before.told())
            )
        sealed = self.vault.seal({"key": made.token_key})
        assert sealed is not None
        tokens.replace_key(self.conn, sealed)

    def note(self, backup: Document, made: Plan) -> None:
        """Note that a backup was restored, even one that has changed nothing."""
        detail = {
            "made_at": backup.made_at.isoformat(),
            "version": backup.version,
            "changed": len(made.wanted),
        }
        audit.write(
            self.conn, Entry(actor=BY, action=Action.RESTORE, target="backup", detail=detail)
        )

    def _credential(self, name: str, wanted: Credential) -> Entry:
        before = credentials.find(self.conn, name)
        sealed = self.vault.seal(wanted.model_dump())
        assert sealed is not None
        known = uses.known(wanted)
        kept, _ = credentials.put(self.conn, name, known, shown(wanted), sealed, BY)
        was = before.told() if before else None
        key = Key("credentials", name)
        return _entry(Action.PUT_CREDENTIAL, key, before=was, after=kept.told())

    def _template(self, name: str, wanted: Template) -> Entry:
        before = templates.find(self.conn, name)
        kept, _ = templates.restore(self.conn, name, wanted.spec(), BY)
        was = before.spec if before else None
        key = Key("templates", name)
        return _entry(Action.PUT_TEMPLATE, key, template=name, before=was, after=kept.spec)

    def _hook(self, name: str, wanted: ChatHook | Triggering) -> Entry:
        before = hooks.find(self.conn, name)
        hooks.delete(self.conn, name)  # a put would keep its secrets where the backup has none
        secrets = wanted.given_secrets
        sealed = self.vault.seal({"secrets": secrets} if secrets else {})
        kept, _ = hooks.put(self.conn, name, wanted.spec(), sealed, BY)
        return _entry(
            Action.PUT_HOOK,
            Key("hooks", name),
            template=kept.template,
            before=before.spec if before else None,
            after=kept.spec,
            detail={"has_new_secret": sealed is not None},
        )

    def _schedule(self, name: str, wanted: KeptSchedule) -> Entry:
        before, now = schedules.hold(self.conn, name)
        spec, secrets = wanted.spec, wanted.secret_vars
        # From now on: what was due since the backup was made is nobody's to make up for.
        times = due.times(name, spec, None if spec.paused else due.first(spec, now))
        sealed = self.vault.seal(secrets)
        kept, _ = schedules.put(
            self.conn, name, Kept(spec.spec(), list(secrets), sealed), times, BY
        )
        return _entry(
            Action.PUT_SCHEDULE,
            Key("schedules", name),
            template=kept.template,
            before=before.spec if before else None,
            after=kept.spec,
            detail={"has_new_secret": sealed is not None},
        )

    def _token(self, name: str, wanted: KeptToken) -> Entry:
        before = tokens.find(self.conn, name)
        fields = Wanted(
            name=name,
            id=wanted.id,
            digest=bytes.fromhex(wanted.digest),
            rights=wanted.rights,
            templates=wanted.templates,
            expires_at=wanted.expires_at,
        )
        kept = tokens.restore(self.conn, fields, wanted.created_by)
        was = before.told() if before else None
        return _entry(Action.CREATE_TOKEN, Key("tokens", name), before=was, after=kept.told())


def _entry(action: Action, key: Key, **values: Any) -> Entry:
    return Entry(actor=BY, action=action, target=str(key), **values)


def told(made: Plan) -> Iterator[str]:
    """Say what was done, a line each."""
    for name in made.revoked:
        yield f"revoked token {name}"
    for key in made.wanted:
        yield f"{'changed' if key in made.replaced else 'made'} {key}"
