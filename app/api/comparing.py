"""Whether what is kept is what a caller has: for those who declare, and put only what differs."""

from http import HTTPStatus
from typing import Annotated, Any

from flask import Response
from pydantic import Field, JsonValue

from app.api.answers import Answer
from app.api.credential_requests import CredentialBody
from app.api.hooks import find_hook
from app.api.schedules import find_schedule
from app.hooks.named import Secret
from app.hooks.opened import open_hook
from app.operations import Operation, answer
from app.problems import Problem
from app.rights import Right
from app.services import Services
from runner.credential import Credential, SshKey, restored, shown, unlocked
from runner.store import credentials
from runner.strict import Strict
from runner.words import Variable


class ComparisonAnswer(Answer):
    """What differs; never how."""

    same: bool
    different: list[str] = Field(description="the fields that are not as they were given")


class SecretsBody(Strict):
    """A hook's secrets."""

    secrets: Annotated[list[Secret], Field(max_length=2)] = Field(
        description="all of them, in their order"
    )


class VariablesBody(Strict):
    """Secret variables of a schedule."""

    vars: dict[Variable, JsonValue] = Field(description="those that shall be compared")


def compare_credential(services: Services, name: str, body: CredentialBody) -> Response:
    """Tell whether a credential is kept as it is given, its secrets too. Nothing is changed.

    For those who may change it: whoever asks often enough could guess.
    """
    with services.connection() as conn:
        sealed = credentials.sealed(conn, [name]).get(name)
    if sealed is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no credential {name!r}")
    kept = _comparable(restored(services.vault.open(sealed)))
    given = _comparable(unlocked(body.root))
    return _compared(kept, given)


def _comparable(credential: Credential) -> dict[str, Any]:
    fields = credential.model_dump()
    if isinstance(credential, SshKey):
        # OpenSSH's form has random bytes in it: the same key is written anew each time.
        fields["private_key"] = shown(credential)["public_key"]
    return fields


def compare_secrets(services: Services, name: str, body: SecretsBody) -> Response:
    """Tell whether a hook has just these secrets. Nothing is changed."""
    with services.connection() as conn:
        hook = open_hook(find_hook(conn, name), services.vault)
    return _compared({"secrets": list(hook.keys.secrets)}, {"secrets": body.secrets})


def compare_variables(services: Services, name: str, body: VariablesBody) -> Response:
    """Tell which secret variables a schedule does not keep as they are given."""
    with services.connection() as conn:
        kept = services.vault.open(find_schedule(conn, name).sealed)
    known = {f"vars.{name}": kept.get(name) for name in body.vars}
    return _compared(known, {f"vars.{name}": value for name, value in body.vars.items()})


def _compared(kept: dict[str, Any], given: dict[str, Any]) -> Response:
    names = {*kept, *given}
    different = sorted(name for name in names if kept.get(name) != given.get(name))
    return answer(ComparisonAnswer(same=not different, different=different))


OPERATIONS = (
    Operation(
        method="POST",
        path="/credentials/<name>/compare",
        view=compare_credential,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=CredentialBody,
        answers={HTTPStatus.OK: ComparisonAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="POST",
        path="/hooks/<name>/compare",
        view=compare_secrets,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=SecretsBody,
        answers={HTTPStatus.OK: ComparisonAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="POST",
        path="/schedules/<name>/compare",
        view=compare_variables,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=VariablesBody,
        answers={HTTPStatus.OK: ComparisonAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
