"""What a backup holds, and the file that it is: sealed as a whole with a key of its own.

As a whole, because names, hosts and people are nobody's either, and because what is damaged, cut
off or of somebody else then does not open at all. Pure.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints, ValidationError

from app.faults import located
from app.hooks.globs import Glob
from app.hooks.hook import Hook
from app.rights import Right
from runner.credential import Credential
from runner.errors import RunnerError
from runner.schedule import Schedule
from runner.strict import Strict
from runner.template import NAME, Template
from runner.vault import SecretsUnreadable, Vault
from runner.words import Variable

FORMAT: Final = 1
#: What the file is told by, and which format it has.
SIGN: Final = "curtain_backup"
MOST_TOLD: Final = 20  # faults

Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$")]


class BackupUnreadable(RunnerError):
    """It is no backup, or none that this version can restore with this key."""


class KeptSchedule(Strict):
    """A schedule, its secret variables apart: no template says which they are when it is read."""

    spec: Schedule
    secret_vars: dict[Variable, JsonValue]


class KeptToken(Strict):
    """A token as Postgres has it: whoever holds it goes on with it."""

    id: str
    digest: Hex
    rights: list[Annotated[Right, Field(strict=False)]]
    templates: list[Glob]
    created_by: str
    expires_at: Annotated[AwareDatetime, Field(strict=False)] | None


class Document(Strict):
    """Everything but history, in the form in which the API takes it; in the order of use."""

    made_at: Annotated[AwareDatetime, Field(strict=False)]
    #: Of the Curtain that made it.
    version: str
    credentials: dict[Name, Credential]
    templates: dict[Name, Template]
    hooks: dict[Name, Hook]
    schedules: dict[Name, KeptSchedule]
    tokens: dict[Name, KeptToken]
    #: What the digests of tokens are made with; None: there is no token yet.
    token_key: Hex | None


class Key(NamedTuple):
    """What tells one object from all others."""

    kind: str
    name: str

    def __str__(self) -> str:
        """As people call it, and the audit."""
        return f"{self.kind.removesuffix('s')} {self.name}"


KINDS: Final = ("credentials", "templates", "hooks", "schedules", "tokens")

#: Objects with their kinds and names.
Objects = dict[Key, Any]


def objects(document: Document) -> Objects:
    """All that is in it, in the order of use."""
    return {
        Key(kind, name): each for kind in KINDS for name, each in getattr(document, kind).items()
    }


def fit(content: Mapping[str, Any]) -> tuple[Document, dict[Key, str]]:
    """Check what an installation has. What this version would not take is left out, and named."""
    try:
        return Document.model_validate(content), {}
    except ValidationError as error:
        unfit = {Key(*map(str, way[:2])): _words(way[2:], says) for way, says in located(error)}
    kept = {
        kind: {name: each for name, each in content[kind].items() if Key(kind, name) not in unfit}
        for kind in KINDS
    }
    return Document.model_validate({**content, **kept}), unfit


def write(content: Mapping[str, Any], backup_key: str) -> str:
    """Seal it. Nothing of it can be read, nor changed, without the key."""
    sealed = Vault(backup_key).seal(dict(content))
    assert sealed is not None
    return json.dumps({SIGN: FORMAT, "sealed": sealed.decode()}) + "\n"


def read(text: str, backup_key: str) -> Document:
    """Open and check it. Raise BackupUnreadable."""
    try:
        content = Vault(backup_key).open(_sealed(text))
    except SecretsUnreadable:
        raise BackupUnreadable(
            "CURTAIN_BACKUP_KEY does not open it: it was made with another key, or is damaged"
        ) from None
    try:
        return Document.model_validate(content)
    except ValidationError as error:
        told = "; ".join(_faults(error))
        raise BackupUnreadable(
            f"it was made by Curtain {content.get('version')}, and has what this one does not "
            f"take: {told}"
        ) from None


def _sealed(text: str) -> bytes:
    try:
        file = json.loads(text)
    except (ValueError, RecursionError):
        file = None
    if not isinstance(file, dict) or SIGN not in file:
        raise BackupUnreadable("it is no backup of Curtain, or not all of one")
    if file[SIGN] != FORMAT:
        raise BackupUnreadable(
            f"it has the format {file[SIGN]}, and this version of Curtain knows {FORMAT} alone: "
            "restore it with the one that made it, and upgrade that"
        )
    return str(file.get("sealed")).encode()


def _faults(error: ValidationError) -> Iterator[str]:
    faults = located(error)
    for way, says in faults[:MOST_TOLD]:
        yield _words(way, says)
    if len(faults) > MOST_TOLD:
        yield f"and {len(faults) - MOST_TOLD} more"


def _words(way: tuple[str | int, ...], says: str) -> str:
    return f"{'.'.join(map(str, way))} {says}".strip()
