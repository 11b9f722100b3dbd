"""Notifications: what was told of a run, what could not be told, and another try at that."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Response

from app.api.notification_answers import NotificationAnswer, NotificationPage
from app.api.notification_requests import NotificationsQuery, RunNotificationsQuery
from app.api.pages import cut
from app.api.runs import find_run
from app.api.seeing import templates_of_seen_runs
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem
from app.rights import Right
from app.services import Services
from runner.run import Run
from runner.store import notifications, runs
from runner.store.connection import Connection
from runner.store.notifications import StoredNotification


def list_run_notifications(
    services: Services, run_id: int, query: RunNotificationsQuery
) -> Response:
    """List what was or is to be told of a run, with each attempt, the oldest first."""
    with services.connection() as conn:
        find_run(conn, run_id)
        rows = notifications.of_run(conn, run_id, after=query.after, limit=query.limit + 1)
    return _page(rows, query.limit, "after")


def list_notifications(services: Services, query: NotificationsQuery) -> Response:
    """List notifications, the newest first; with `state=dead` those that were given up."""
    with services.connection() as conn:
        rows = notifications.page(
            conn,
            limit=query.limit + 1,
            before=query.before,
            states=query.state,
            of=templates_of_seen_runs(conn),
        )
    return _page(rows, query.limit, "before")


def retry_notification(services: Services, notification_id: int) -> Response:
    """Try a dead notification again, as often as at first. 409 when it is not dead."""
    with services.connection() as conn, conn.transaction():
        run = _run_of(conn, _find(conn, notification_id))
        is_retried = notifications.retry(conn, notification_id)
        found = _find(conn, notification_id)
        if is_retried:
            note(
                conn,
                doer(caller().name),
                Action.RETRY,
                f"notification {notification_id}",
                template=run.template,
                detail={"run": run.id, "occasion": found.occasion},
            )
    if not is_retried:
        what = f"notification {notification_id} is {found.state}: only a dead one is retried"
        raise Problem(HTTPStatus.CONFLICT, what)
    return answer(NotificationAnswer.of(found), HTTPStatus.ACCEPTED)


def _find(conn: Connection, notification_id: int) -> StoredNotification:
    found = notifications.find(conn, notification_id)
    if found is None:
        raise _unknown(notification_id)
    return found


def _unknown(notification_id: int) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no notification {notification_id}")


def _run_of(conn: Connection, notification: StoredNotification) -> Run:
    """The run that it tells of. Raise a 404 problem for one that the caller does not see."""
    run = runs.find(conn, notification.run_id)
    if run is None or not caller().sees(run.template):
        raise _unknown(notification.id)
    return run


def _page(rows: Sequence[StoredNotification], limit: int, key: str) -> Response:
    shown, following = cut(rows, limit, key, lambda row: row.id)
    return answer(
        NotificationPage(
            notifications=[NotificationAnswer.of(each) for each in shown], next=following
        )
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/notifications",
        view=list_run_notifications,
        query=RunNotificationsQuery,
        answers={HTTPStatus.OK: NotificationPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/notifications",
        view=list_notifications,
        query=NotificationsQuery,
        answers={HTTPStatus.OK: NotificationPage},
    ),
    Operation(
        method="POST",
        path="/notifications/<notification_id>/retry",
        view=retry_notification,
        right=Right.RUN,
        answers={HTTPStatus.ACCEPTED: NotificationAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
