"""Templates: declare what can be run."""

from http import HTTPStatus
from typing import Any

from flask import Response

from app.api.answers import TemplateAnswer, TemplatePage
from app.api.pages import cut
from app.api.seeing import seen_templates
from app.api.template_requests import TemplatesQuery
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner import uses
from runner.store import audit, templates
from runner.store.connection import Connection
from runner.store.templates import StoredTemplate
from runner.template import NAME, Template


def find_template(conn: Connection, name: str) -> StoredTemplate:
    """The template called *name*. Raise a 404 problem."""
    is_seen = NAME.fullmatch(name) and caller().sees(name)
    stored = templates.find(conn, name) if is_seen else None
    if stored is None:
        raise unknown_template(name)
    return stored


def unknown_template(name: str) -> Problem:
    """404 for a template."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no template {name!r}")


def put_template(services: Services, name: str, body: Template) -> Response:
    """Declare a template, or change it. Runs keep the template they were made of.

    Who sees some templates only cannot give one a credential that it has not got, nor have one run
    afterwards, or runs stopped, that he does not see.
    """
    if not NAME.fullmatch(name):
        raise invalid([("name", f"must match {NAME.pattern}")])
    who, spec, target = doer(caller().name), body.spec(), f"template {name}"
    if not caller().sees(name):
        raise unknown_template(name)
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = templates.find(conn, name)
        if not caller().sees_everything:
            _require_known(spec, before.spec if before else {})
        stored, is_new = templates.put(conn, name, spec, who.name)
        note(
            conn,
            who,
            Action.PUT_TEMPLATE,
            target,
            template=name,
            before=before.spec if before else None,
            after=stored.spec,
        )
    return answer(TemplateAnswer.of(stored), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _require_known(spec: dict[str, Any], before: dict[str, Any]) -> None:
    """Raise a 422 problem for what reaches beyond the templates that the caller sees.

    That are credentials, templates to be run afterwards, and groups whose other runs would give
    way; what the template has *before*, just so, it may keep.
    """
    had, hidden = uses.names(before), "only who sees all templates may give it to this one"
    faults = [(use.field, hidden) for use in uses.uses(spec) if use.name not in had]
    faults += [
        (f"then.{number}.template", f"there is no template {entry['template']!r}")
        for number, entry in enumerate(spec.get("then", []))
        if not caller().sees(entry["template"]) and entry not in before.get("then", [])
    ]
    order = spec.get("concurrency", {})
    if (
        order.get("when_busy") in ("replace", "coalesce")
        and order != before.get("concurrency")
        and not caller().sees(order["group"])
    ):
        said = f"{order['when_busy']} stops runs of the group: it must be named as what you see"
        faults.append(("concurrency.group", said))
    if faults:
        raise invalid(faults)


def show_template(services: Services, name: str) -> Response:
    """Show a template."""
    with services.connection() as conn:
        return answer(TemplateAnswer.of(find_template(conn, name)))


def delete_template(services: Services, name: str) -> Response:
    """Forget a template; its runs stay, and those that are queued will be run.

    409 while a hook or a schedule runs it.
    """
    target = f"template {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = find_template(conn, name).spec
        note(
            conn,
            doer(caller().name),
            Action.DELETE_TEMPLATE,
            target,
            template=name,
            before=before,
        )
        try:
            if not templates.delete(conn, name):
                raise unknown_template(name)
        except templates.TemplateInUse as error:
            raise Problem(
                HTTPStatus.CONFLICT, str(error), hooks=error.hooks, schedules=error.schedules
            ) from None
    return Response(status=HTTPStatus.NO_CONTENT)


def list_templates(services: Services, query: TemplatesQuery) -> Response:
    """List templates by name."""
    with services.connection() as conn:
        rows = templates.page(
            conn, after=query.after, limit=query.limit + 1, among=seen_templates(conn)
        )
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
