"""What a caller may do, for clients that show only that."""

from http import HTTPStatus

from flask import Response
from pydantic import Field

from app.api.answers import Answer, UtcTime
from app.auth import caller
from app.operations import Operation, answer
from app.rights import Right
from app.services import Services


class MeAnswer(Answer):
    """A caller."""

    name: str
    rights: list[Right] = Field(description="with what each brings along")
    templates: list[str] = Field(description="globs of those over which they are had; none: all")
    expires_at: UtcTime | None = Field(description="null: never")


def show_me(_: Services) -> Response:
    """Show who calls, and what that caller may do."""
    me = caller()
    return answer(
        MeAnswer(
            name=me.name,
            rights=[right for right in Right if right in me.rights],
            templates=list(me.templates),
            expires_at=me.expires_at,
        )
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/me",
        view=show_me,
        is_for_every_caller=True,
        answers={HTTPStatus.OK: MeAnswer},
    ),
)
