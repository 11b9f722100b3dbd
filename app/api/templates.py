"""Templates: declare what can be run."""

from http import HTTPStatus

from flask import Response

from app.api.answers import TemplateAnswer, TemplatePage
from app.api.pages import cut
from app.api.requests import TemplatesQuery
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner.store import templates
from runner.store.connection import Connection
from runner.store.templates import StoredTemplate
from runner.template import NAME, Template


def find_template(conn: Connection, name: str) -> StoredTemplate:
    """The template called *name*. Raise a 404 problem."""
    stored = templates.find(conn, name) if NAME.fullmatch(name) else None
    if stored is None:
        raise unknown_template(name)
    return stored


def unknown_template(name: str) -> Problem:
    """404 for a template."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no template {name!r}")


def put_template(services: Services, name: str, body: Template) -> Response:
    """Declare a template, or change it. Runs keep the template they were made of."""
    if not NAME.fullmatch(name):
        raise invalid([("name", f"must match {NAME.pattern}")])
    with services.connection() as conn:
        stored, is_new = templates.put(conn, name, body.spec(), caller().name)
    return answer(TemplateAnswer.of(stored), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def show_template(services: Services, name: str) -> Response:
    """Show a template."""
    with services.connection() as conn:
        return answer(TemplateAnswer.of(find_template(conn, name)))


def delete_template(services: Services, name: str) -> Response:
    """Forget a template; its runs stay, and those that are queued will be run.

    409 while a hook runs it.
    """
    with services.connection() as conn:
        try:
            if not NAME.fullmatch(name) or not templates.delete(conn, name):
                raise unknown_template(name)
        except templates.TemplateInUse as error:
            raise Problem(HTTPStatus.CONFLICT, str(error), hooks=error.hooks) from None
    return Response(status=HTTPStatus.NO_CONTENT)


def list_templates(services: Services, query: TemplatesQuery) -> Response:
    """List templates by name."""
    with services.connection() as conn:
        rows = templates.page(conn, after=query.after, limit=query.limit + 1)
    shown, following = cut(rows, query.limit, "after", lambda row: row.name)
    return answer(
        TemplatePage(
            templates=[TemplateAnswer.of(stored) for stored in shown],
            next=following,
        )
    )


OPERATIONS = (
    Operation(
        method="PUT",
        path="/templates/<name>",
        view=put_template,
        right=Right.ADMIN,
        body=Template,
        answers={HTTPStatus.OK: TemplateAnswer, HTTPStatus.CREATED: TemplateAnswer},
    ),
    Operation(
        method="GET",
        path="/templates/<name>",
        view=show_template,
        answers={HTTPStatus.OK: TemplateAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/templates/<name>",
        view=delete_template,
        right=Right.ADMIN,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="GET",
        path="/templates",
        view=list_templates,
        query=TemplatesQuery,
        answers={HTTPStatus.OK: TemplatePage},
    ),
)
