"""Chat over HTTP: commands for bots that hold the API's token."""

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field, StringConstraints

from app.api.answers import Answer
from app.auditing import doer
from app.auth import Forbidden, caller
from app.chat import actions
from app.chat.action import Action, Denial, Refusal
from app.chat.asker import asker_of_caller
from app.chat.grammar import Misunderstood, understand
from app.operations import Operation, answer
from app.problems import invalid
from app.services import Services
from runner.strict import Strict


class ChatBody(Strict):
    """What somebody types."""

    text: Annotated[str, StringConstraints(max_length=4000)] = Field(
        description="such as: run deploy-web version=1.2, or: stop 12"
    )


class ChatAnswer(Answer):
    """What is said to a command."""

    text: str
    run: int | None = Field(description="the run that it made")
    commands: list[str] = Field(description="what could be said next, as buttons would")


def converse(services: Services, body: ChatBody) -> Response:
    """Do what is typed: run, stop, status, runs, rerun, tail, templates, help.

    X
    """
    try:
        ask = understand(body.text)
        with services.connection() as conn, conn.transaction():
            asker, who = asker_of_caller(caller()), doer(caller().name)
            done = actions.act(Action(services=services, conn=conn, asker=asker, who=who), ask)
    except Denial as error:
        raise Forbidden(str(error), error.right) from None
    except (Misunderstood, Refusal) as error:
        raise invalid([("text", str(error))]) from None
    actions.hasten(services, done)
    return answer(
        ChatAnswer(
            text=done.say.text,
            run=done.run.id if done.run else None,
            commands=[button.words for button in done.say.buttons],
        ),
        HTTPStatus.ACCEPTED if done.run or done.stopped else HTTPStatus.OK,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/chat",
        view=converse,
        is_for_every_caller=True,
        body=ChatBody,
        answers={HTTPStatus.OK: ChatAnswer, HTTPStatus.ACCEPTED: ChatAnswer},
    ),
)
