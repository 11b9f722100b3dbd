"""Schedules: declare when a template is run by itself."""

import logging
from datetime import datetime
from http import HTTPStatus

from flask import Response

from app.api.pages import cut
from app.api.schedule_answers import ScheduleAnswer, SchedulePage
from app.api.seeing import seen_templates
from app.api.template_requests import SchedulesQuery
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner import due
from runner.acceptance import Refused, check
from runner.due import Times
from runner.schedule import Schedule
from runner.schedule import restored as restored_schedule
from runner.store import audit, schedules, templates
from runner.store.connection import Connection
from runner.store.schedules import Kept, StoredSchedule
from runner.template import NAME, restored
from runner.vault import Vault

log = logging.getLogger(__name__)


def find_schedule(conn: Connection, name: str) -> StoredSchedule:
    """The schedule called *name*. Raise a 404 problem."""
    stored = schedules.find(conn, name) if NAME.fullmatch(name) else None
    if stored is None or not caller().sees(stored.template):
        raise _unknown(name)
    return stored


def put_schedule(services: Services, name: str, body: Schedule) -> Response:
    """Declare a schedule, or change it.

    Put again with the same times it goes on: no due time is lost, and none comes twice. Secret
    variables that are not given stay as they are, unless it is another template's.
    """
    if not NAME.fullmatch(name):
        raise invalid([("name", f"must match {NAME.pattern}")])
    who, target = doer(caller().name), f"schedule {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before, now = schedules.hold(conn, name)
        if before is not None and not caller().sees(before.template):
            raise _unknown(name)
        kept = _fit(conn, services.vault, body, before)
        times = _times(name, body, before, now)
        stored, is_new = schedules.put(conn, name, kept, times, who.name)
        note(
            conn,
            who,
            Action.PUT_SCHEDULE,
            target,
            template=stored.template,
            before=before.spec if before else None,
            after=stored.spec,
            detail={"has_new_secret": not body.vars.keys().isdisjoint(kept.secret_vars)},
        )
    log.info("schedule %s: %s by %s", name, "made" if is_new else "changed", who.name)
    return answer(ScheduleAnswer.of(stored), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _fit(conn: Connection, vault: Vault, body: Schedule, before: StoredSchedule | None) -> Kept:
    """Part what is secret from the rest. Raise Refused for what the template would not take."""
    stored = templates.find(conn, body.template) if caller().sees(body.template) else None
    if stored is None:
        raise Refused([("template", f"there is no template {body.template!r}")])
    template = restored(stored.spec)
    secret = frozenset(name for name, rule in template.accepts.items() if rule.secret)
    had = vault.open(before.sealed) if before and before.template == body.template else {}
    given = {**{name: had[name] for name in had if name in secret}, **body.vars}
    check(template, given, body.overrides())
    secrets = {name: given[name] for name in sorted(given) if name in secret}
    return Kept(body.spec(without=secret), list(secrets), vault.seal(secrets))


def _times(name: str, body: Schedule, before: StoredSchedule | None, now: datetime) -> Times:
    """When it is due next. Raise a 422 problem when its one time is over, and was not run."""
    was = restored_schedule(before.spec) if before else None
    if before is None or was is None:
        times = due.times(name, body, None if body.paused else due.first(body, now))
        may_be_over = False
    else:
        known = Times(before.next_at, before.fire_at)
        times = due.renewed(name, body, now, was=was, before=known, last_at=before.last_at)
        may_be_over = was.when == body.when and (body.paused or before.last_at == body.at)
    is_over = body.at is not None and body.at <= now and times.next_at is None
    if is_over and not may_be_over:
        raise invalid([("at", "is over: give a time to come")])
    return times


def show_schedule(services: Services, name: str) -> Response:
    """Show a schedule: its next five due times, and what became of the last."""
    with services.connection() as conn:
        return answer(ScheduleAnswer.of(find_schedule(conn, name)))


def delete_schedule(services: Services, name: str) -> Response:
    """Forget a schedule. Its runs stay, and those that are queued will be run."""
    who, target = doer(caller().name), f"schedule {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = find_schedule(conn, name)
        if not schedules.delete(conn, name):
            raise _unknown(name)
        note(
            conn, who, Action.DELETE_SCHEDULE, target, template=before.template, before=before.spec
        )
    log.info("schedule %s: deleted by %s", name, who.name)
    return Response(status=HTTPStatus.NO_CONTENT)


def list_schedules(services: Services, query: SchedulesQuery) -> Response:
    """List schedules by name, each with its next five due times."""
    with services.connection() as conn:
        rows = schedules.page(
            conn, after=query.after, limit=query.limit + 1, of=seen_templates(conn)
        )
    shown, following = cut(rows, query.limit, "after", lambda row: row.name)
    return answer(SchedulePage(schedules=[ScheduleAnswer.of(row) for row in shown], next=following))


def _unknown(name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no schedule {name!r}")


OPERATIONS = (
    Operation(
        method="PUT",
        path="/schedules/<name>",
        view=put_schedule,
        right=Right.ADMIN,
        body=Schedule,
        answers={HTTPStatus.OK: ScheduleAnswer, HTTPStatus.CREATED: ScheduleAnswer},
    ),
    Operation(
        method="GET",
        path="/schedules/<name>",
        view=show_schedule,
        answers={HTTPStatus.OK: ScheduleAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/schedules/<name>",
        view=delete_schedule,
        right=Right.ADMIN,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/schedules",
        view=list_schedules,
        query=SchedulesQuery,
        answers={HTTPStatus.OK: SchedulePage},
    ),
)
