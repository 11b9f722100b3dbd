"""What files declare, checked by the models of the API before anything is sent. Pure."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from app.cli.declared.yaml import Document, Way
from app.faults import located
from app.hooks.hook import Hook
from app.hooks.named import Named
from runner import uses
from runner.acceptance import Refused
from runner.credential import Credential, shown, unlocked
from runner.schedule import Schedule
from runner.template import Template
from runner.uses import Known

Kind = Literal["credentials", "templates", "hooks", "schedules"]
#: In the order in which they are put: each may name those before it.
KINDS: tuple[Kind, ...] = ("credentials", "templates", "hooks", "schedules")
ONE = {
    "credentials": "credential",
    "templates": "template",
    "hooks": "hook",
    "schedules": "schedule",
}

_CREDENTIAL: TypeAdapter[Credential] = TypeAdapter(Credential)
_HOOK: TypeAdapter[Named] = TypeAdapter(Hook)

#: What the API tells about a hook beside what was put.
ABOUT_HOOK = ("name", "path", "has_secret", "created_at", "updated_at", "updated_by")
ABOUT_CREDENTIAL = ("name", "created_at", "updated_at", "updated_by")

Key = tuple[Kind, str]


@dataclass(frozen=True)
class Declared:
    """One object of a file."""

    kind: Kind
    name: str
    #: File and line.
    place: str
    #: What is put, secrets too.
    body: dict[str, Any] = field(repr=False)
    #: What may be shown, and is compared: defaults filled in.
    shown: dict[str, Any]
    #: The secrets that a hook gives.
    secrets: list[str] = field(default_factory=list, repr=False)
    #: What a credential is for.
    known: Known | None = None
    #: The variables of a schedule that the file does not hold itself.
    referenced: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return self.kind, self.name


def checked(
    kind: Kind, name: str, body: Any, document: Document, referenced: frozenset[str]
) -> tuple[Declared | None, list[tuple[Way, str]]]:
    """Check *body*, in which what is *referenced* is put in. Return the object, or all its faults.

    A fault is where it is and what is wrong.
    """
    place = document.place((kind, name))
    try:
        match kind:
            case "templates":
                template = Template.model_validate(body)
                return Declared(kind, name, place, template.spec(), template.spec()), []
            case "hooks":
                hook = _HOOK.validate_python(body)
                secrets = hook.given_secrets
                return Declared(kind, name, place, body, hook.spec(), secrets), []
            case "schedules":
                spec = Schedule.model_validate(body).spec(without=referenced)
                return Declared(kind, name, place, body, spec, referenced=referenced), []
            case "credentials":
                return _credential(name, place, body), []
    except ValidationError as error:
        return None, located(error)
    except Refused as refused:
        return None, [(tuple(where.split(".")), message) for where, message in refused.faults]


def _credential(name: str, place: str, body: Any) -> Declared:
    credential = unlocked(_CREDENTIAL.validate_python(body))
    return Declared(
        "credentials",
        name,
        place,
        body,
        {"kind": credential.kind, **_without_none(shown(credential))},
        known=uses.known(credential),
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def kept(kind: Kind, answer: dict[str, Any]) -> dict[str, Any]:
    """What the server has, in the form of Declared.shown."""
    if kind == "credentials":
        return _without_none({k: v for k, v in answer.items() if k not in ABOUT_CREDENTIAL})
    spec = (
        answer["spec"]
        if kind in ("templates", "schedules")
        else {name: value for name, value in answer.items() if name not in ABOUT_HOOK}
    )
    try:
        if kind == "templates":
            return Template.model_validate(spec).spec()
        if kind == "schedules":
            return Schedule.model_validate(spec).spec()
        return _HOOK.validate_python(spec).spec()
    except ValidationError:
        return dict(spec)  # of another version of Curtain: it is shown as it is


def known_of(answer: dict[str, Any]) -> Known:
    """What a credential of the server's is for."""
    return Known(
        answer["kind"],
        answer.get("vault_id"),
        answer.get("host"),
        bool(answer.get("known_hosts")) or answer.get("host_keys") == "accept-new",
        bool(answer.get("signed")),
    )


def short(kind: Kind, answer: dict[str, Any]) -> dict[str, Any]:
    """An object of the server's as a file declares it: without what is so unless given."""
    fields = kept(kind, answer)
    match kind:
        case "templates":
            return _dumped(Template.model_validate(fields))
        case "hooks":
            return _dumped(_HOOK.validate_python(fields))
        case "schedules":
            return _dumped(Schedule.model_validate(fields))
        case "credentials":
            return fields


def _dumped(model: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = model.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    return dumped
