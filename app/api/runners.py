"""Runners: who is there; and having none of them, or one not, take runs."""

from http import HTTPStatus

from flask import Response

from app.api.parameters import Reason
from app.api.runner_answers import MaintenanceAnswer, RunnerAnswer, RunnerList
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem
from app.rights import Right
from app.services import Services
from runner.storable import unstorable
from runner.store import maintenance, runners
from runner.store.connection import Connection
from runner.strict import Strict


class MaintenanceBody(Strict):
    """Why nothing shall be taken."""

    reason: Reason | None = None


def list_runners(services: Services) -> Response:
    """List the runners that were heard of lately."""
    with services.connection() as conn:
        there = runners.alive(conn)
    return answer(RunnerList(runners=[RunnerAnswer.of(each) for each in there]))


def drain_runner(services: Services, name: str, body: MaintenanceBody) -> Response:
    """Have a runner take no more runs. Those that it has go on; it is idle when `busy` is 0.

    Saying it again changes the reason only.
    """
    with services.connection() as conn, conn.transaction():
        by = caller().name
        _require(name, _can_be(name) and runners.drain(conn, name, by=by, reason=body.reason))
        note(
            conn,
            doer(caller().name),
            Action.DRAIN,
            f"runner {name}",
            detail={"reason": body.reason},
        )
        return answer(_runner(conn, name))


def undrain_runner(services: Services, name: str) -> Response:
    """Have a runner take runs again."""
    with services.connection() as conn, conn.transaction():
        _require(name, _can_be(name) and runners.undrain(conn, name))
        note(conn, doer(caller().name), Action.UNDRAIN, f"runner {name}")
        shown = _runner(conn, name)
    return answer(shown)


def show_maintenance(services: Services) -> Response:
    """Show whether runs are taken."""
    with services.connection() as conn:
        return answer(MaintenanceAnswer.of(maintenance.find(conn)))


def begin_maintenance(services: Services, body: MaintenanceBody) -> Response:
    """Have no runner take a run. Those that are running go on; new ones are queued.

    When it is answered none is taken any more. Saying it again changes the reason only.
    """
    with services.connection() as conn, conn.transaction():
        paused = maintenance.pause(conn, by=caller().name, reason=body.reason)
        who = doer(caller().name)
        note(conn, who, Action.PAUSE, "maintenance", detail={"reason": body.reason})
    return answer(MaintenanceAnswer.of(paused))


def end_maintenance(services: Services) -> Response:
    """Have runs taken again."""
    with services.connection() as conn, conn.transaction():
        maintenance.resume(conn)
        note(conn, doer(caller().name), Action.RESUME, "maintenance")
    return answer(MaintenanceAnswer.of(None))


def _can_be(name: str) -> bool:
    """Whether Postgres can be asked for it: a path may have a NUL in it."""
    return not unstorable(name)


def _require(name: str, is_there: bool) -> None:
    if not is_there:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no runner {name!r}")


def _runner(conn: Connection, name: str) -> RunnerAnswer:
    """The runner with this name. Raise a 404 problem if it was not heard of lately."""
    found = [each for each in runners.alive(conn) if each["name"] == name]
    _require(name, bool(found))
    return RunnerAnswer.of(found[0])


OPERATIONS = (
    Operation(
        method="GET",
        path="/runners",
        view=list_runners,
        answers={HTTPStatus.OK: RunnerList},
    ),
    Operation(
        method="PUT",
        path="/runners/<name>/drain",
        view=drain_runner,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=MaintenanceBody,
        answers={HTTPStatus.OK: RunnerAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/runners/<name>/drain",
        view=undrain_runner,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.OK: RunnerAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/maintenance",
        view=show_maintenance,
        answers={HTTPStatus.OK: MaintenanceAnswer},
    ),
    Operation(
        method="PUT",
        path="/maintenance",
        view=begin_maintenance,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=MaintenanceBody,
        answers={HTTPStatus.OK: MaintenanceAnswer},
    ),
    Operation(
        method="DELETE",
        path="/maintenance",
        view=end_maintenance,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.OK: MaintenanceAnswer},
    ),
)
