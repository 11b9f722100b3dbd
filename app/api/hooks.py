"""Hooks: declare who may call in and what that runs; and the door that they call at."""

import logging
from http import HTTPStatus

from flask import Response

from app.api.hook_requests import HookBody, HooksQuery
from app.api.pages import cut
from app.api.seeing import seen_templates, sees_chats
from app.auditing import Action, doer, note
from app.auth import caller, require_all_templates
from app.hooks.hook_answers import HookAnswer, HookPage, StoredHookAnswer
from app.hooks.named import WITHOUT_SECRET
from app.hooks.people import ChatHook
from app.hooks.receive import receive
from app.hooks.triggering import Triggering
from app.hooks.values import Constant
from app.operations import AnyQuery, Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner.acceptance import Refused
from runner.store import audit, credentials, hooks, templates
from runner.store.connection import Connection
from runner.store.hooks import StoredHook
from runner.template import NAME

log = logging.getLogger(__name__)


def find_hook(conn: Connection, name: str) -> StoredHook:
    """The hook called *name*. Raise a 404 problem."""
    stored = hooks.find(conn, name) if NAME.fullmatch(name) else None
    if stored is None or not _is_seen(stored):
        raise _unknown(name)
    return stored


def _is_seen(stored: StoredHook) -> bool:
    return sees_chats() if stored.template is None else caller().sees(stored.template)


def put_hook(services: Services, name: str, body: HookBody) -> Response:
    """Declare a hook, or change it.

    Without `secret` and `secrets` those that it has stay; a new one needs them.
    """
    if not NAME.fullmatch(name):
        raise invalid([("name", f"must match {NAME.pattern}")])
    hook = body.root
    secrets = hook.given_secrets
    sealed = services.vault.seal({"secrets": secrets} if secrets else {})
    who, target = doer(caller().name), f"hook {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = hooks.find(conn, name)
        if before is not None and not _is_seen(before):
            raise _unknown(name)
        _require_fit(conn, hook)
        stored, is_new = hooks.put(conn, name, hook.spec(), sealed, who.name)
        if stored.sealed is None and stored.sender not in WITHOUT_SECRET:
            raise invalid([("secret", "is required: who knows none would be anybody")])
        note(
            conn,
            who,
            Action.PUT_HOOK,
            target,
            template=stored.template,
            before=before.spec if before else None,
            after=stored.spec,
            detail={"has_new_secret": sealed is not None},
        )
    log.info("hook %s: %s by %s", name, "made" if is_new else "changed", who.name)
    return answer(StoredHookAnswer.of(stored), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _require_fit(conn: Connection, hook: Triggering | ChatHook) -> None:
    """Raise Refused for what it needs and is not there, or not so; a 403 problem for a chat's."""
    if isinstance(hook, Triggering):
        _require_template(conn, hook)
        return
    require_all_templates()
    if hook.credential is not None:
        _require_token(conn, hook.credential)


def _require_template(conn: Connection, hook: Triggering) -> None:
    """Raise Refused for what the template would not take from anybody."""
    stored = templates.find(conn, hook.template) if caller().sees(hook.template) else None
    if stored is None:
        raise Refused([("template", f"there is no template {hook.template!r}")])
    accepts, overrides = stored.spec.get("accepts", {}), stored.spec.get("overrides", [])
    wrong = [
        (f"vars.{name}", "is not accepted by the template")
        for name in hook.vars
        if name not in accepts
    ]
    wrong += [
        (f"vars.{name}", "is secret in the template, and a constant would be shown to everybody")
        for name, source in hook.vars.items()
        if isinstance(source, Constant) and accepts.get(name, {}).get("secret")
    ]
    if hook.ref is not None and "ref" not in overrides:
        wrong.append(("ref", "cannot be overridden in the template: add it to its `overrides`"))
    if wrong:
        raise Refused(wrong)


def _require_token(conn: Connection, name: str) -> None:
    """Raise Refused unless there is such an api_token. It stays one until the transaction ends."""
    known = credentials.hold(conn, [name]).get(name)
    if known is None or known.kind != "api_token":
        raise Refused([("credential", f"there is no api_token {name!r}")])


def show_hook(services: Services, name: str) -> Response:
    """Show a hook without its secrets."""
    with services.connection() as conn:
        return answer(StoredHookAnswer.of(find_hook(conn, name)))


def delete_hook(services: Services, name: str) -> Response:
    """Forget a hook; whoever calls it gets 404. Its deliveries stay known for as long as others."""
    who, target = doer(caller().name), f"hook {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = find_hook(conn, name)
        if not hooks.delete(conn, name):
            raise _unknown(name)
        note(conn, who, Action.DELETE_HOOK, target, template=before.template, before=before.spec)
    log.info("hook %s: deleted by %s", name, who.name)
    return Response(status=HTTPStatus.NO_CONTENT)


def list_hooks(services: Services, query: HooksQuery) -> Response:
    """List hooks by name, without their secrets."""
    with services.connection() as conn:
        rows = hooks.page(
            conn,
            after=query.after,
            limit=query.limit + 1,
            of=seen_templates(conn),
            chats=sees_chats(),
        )
    shown, following = cut(rows, query.limit, "after", lambda row: row.name)
    return answer(HookPage(hooks=[StoredHookAnswer.of(row) for row in shown], next=following))


def receive_delivery(services: Services, name: str, query: AnyQuery) -> Response:
    """Take what a sender sends; the hook says how it signs.

    202 when a run was queued; 200 when nothing is to be run, with the reason in `why`, and for what
    came before, with the run that it made. 401 unless the sender is believed.
    """
    return receive(services, name)


def _unknown(name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no hook {name!r}")


OPERATIONS = (
    Operation(
        method="PUT",
        path="/hooks/<name>",
        view=put_hook,
        right=Right.ADMIN,
        body=HookBody,
        answers={HTTPStatus.OK: StoredHookAnswer, HTTPStatus.CREATED: StoredHookAnswer},
    ),
    Operation(
        method="GET",
        path="/hooks/<name>",
        view=show_hook,
        answers={HTTPStatus.OK: StoredHookAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/hooks/<name>",
        view=delete_hook,
        right=Right.ADMIN,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/hooks",
        view=list_hooks,
        query=HooksQuery,
        answers={HTTPStatus.OK: HookPage},
    ),
    Operation(
        method="POST",
        path="/hooks/<name>",
        view=receive_delivery,
        query=AnyQuery,
        answers={HTTPStatus.OK: HookAnswer, HTTPStatus.ACCEPTED: HookAnswer},
        problems=(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.TOO_MANY_REQUESTS,
        ),
        is_open=True,
        takes_anything=True,
    ),
)
