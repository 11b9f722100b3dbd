"""What a rerun would find: asked of a runner, since web has neither Git nor its network."""

import time
from http import HTTPStatus
from typing import Any

from flask import Response
from pydantic import Field

from app.api.answers import FaultAnswer
from app.api.preview_answers import ChangeAnswer, FailedHostsAnswer, RerunPreview, SourceAnswer
from app.api.reruns import find_final_run
from app.operations import Operation, Query, answer
from app.problems import unavailable
from app.services import Services
from jobs import questions
from jobs.questions import LookFailed
from runner import rerun
from runner.acceptance import Refused
from runner.changes import changes
from runner.rerun import NothingToRepeat
from runner.run import Run
from runner.store import credentials, hosts, templates
from runner.store.connection import Connection
from runner.store.templates import StoredTemplate
from runner.template import Template, restored
from runner.vault import SecretsUnreadable

SHOWN = 500  # hosts that are named


class PreviewQuery(Query):
    """How long to wait for a runner's answer."""

    wait: float = Field(default=20, ge=0, le=60, description="seconds; 503 when it has not come")


def preview_rerun(services: Services, run_id: int, query: PreviewQuery) -> Response:
    """Tell what a rerun of a final run would find, and change nothing.

    Where its commits were and where its refs lead now, the commits and files in between, what of
    its template has changed, and the hosts that `failed` would take. Some runner looks at the
    repositories; 503 when none has answered in time: ask again, its answer is kept for 10 seconds.
    """
    with services.connection() as conn:
        run = find_final_run(conn, run_id)
    seen = _ask(services, run_id, query.wait)
    with services.connection() as conn:
        return answer(_preview(services, conn, run, seen))


def _ask(services: Services, run_id: int, seconds: float) -> dict[str, Any]:
    """What a runner sees. Raise a 503 problem. It holds no connection to Postgres meanwhile."""
    services.followers.enter()
    try:
        return _await(services, run_id, seconds)
    except LookFailed as error:
        raise unavailable(str(error)) from None
    finally:
        services.followers.leave()


def _await(services: Services, run_id: int, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not services.followers.is_over():
        job = questions.ask(services.redis, run_id)  # again: Redis may have been flushed meanwhile
        left = max(0.0, deadline - time.monotonic())
        seen = questions.await_answer(job, left)
        if seen is not None:
            return seen
        if not left:
            break
    raise unavailable("no runner has answered in time")


def _preview(services: Services, conn: Connection, run: Run, seen: dict[str, Any]) -> RerunPreview:
    stored = templates.find(conn, run.template)
    inventory = seen["inventory"]
    return RerunPreview(
        run=run.id,
        playbook=SourceAnswer.model_validate(seen["playbook"]),
        inventory=SourceAnswer.model_validate(inventory) if inventory else None,
        template=_changes(run, stored) if stored else None,
        refusals=_named(_refusals(services, conn, run, stored)),
        same_refusals=_named(_same_refusals(services, conn, run)),
        failed_hosts=_failed_hosts(conn, run),
    )


def _changes(run: Run, stored: StoredTemplate) -> list[ChangeAnswer]:
    changed = changes(_as_stored_now(run.spec), stored.spec)
    return [ChangeAnswer.model_validate(each._asdict()) for each in changed]


def _named(faults: list[tuple[str, str]]) -> list[FaultAnswer]:
    return [FaultAnswer(field=field, message=message) for field, message in faults]


def _refusals(
    services: Services, conn: Connection, run: Run, stored: StoredTemplate | None
) -> list[tuple[str, str]]:
    if stored is None:
        return [("template", f"there is no template {run.template!r} any more")]
    found = credentials.faults(conn, stored.spec)
    try:
        secrets = services.vault.open(run.secrets)
        rerun.fit(run, restored(stored.spec), secrets)
    except Refused as refused:
        return refused.faults + found
    except SecretsUnreadable as error:
        return [("vars", str(error)), *found]
    return found


def _same_refusals(services: Services, conn: Connection, run: Run) -> list[tuple[str, str]]:
    found = credentials.faults(conn, run.spec)
    try:
        services.vault.open(run.secrets)
    except SecretsUnreadable as error:
        return [("vars", str(error)), *found]
    return found


def _failed_hosts(conn: Connection, run: Run) -> FailedHostsAnswer:
    try:
        failed = rerun.hosts_of(run, hosts.failed(conn, run.id))
    except NothingToRepeat as error:
        return FailedHostsAnswer(count=0, hosts=[], untold=str(error))
    return FailedHostsAnswer(count=len(failed), hosts=failed[:SHOWN], untold=None)


def _as_stored_now(spec: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults that a version of ours since then has brought."""
    try:
        return Template.model_validate(spec).spec()
    except ValueError:
        return spec


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/rerun",
        view=preview_rerun,
        query=PreviewQuery,
        answers={HTTPStatus.OK: RerunPreview},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
