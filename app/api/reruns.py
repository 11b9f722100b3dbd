"""Reruns: repeat a run as it was, or as its template is now."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import Response

from app.api.requests import RerunBody, TriggerHeaders, WaitQuery
from app.api.run_answers import RunAnswer
from app.api.runs import conflict, find_run
from app.api.triggers import queue_run
from app.auth import ADMIN
from app.operations import Operation
from app.services import Services
from runner import rerun
from runner.rerun import NothingToRepeat
from runner.run import Run, Wanted
from runner.store import credentials, hosts, templates
from runner.store.connection import Connection
from runner.template import Refused, Template
from runner.vault import SecretsUnreadable


def rerun_run(
    services: Services, run_id: int, query: WaitQuery, headers: TriggerHeaders, body: RerunBody
) -> Response:
    """Repeat a final run as a new one.

    With its variables, secret ones too, and its options; `same` also with its template and its
    commits as they were, whatever became of branches since. 409 while the run is not final, when
    `newest` finds no template any more, and when `failed` finds no hosts or does not know them. 422
    when a credential that it would use is gone or does not fit any more.
    """

    def want(conn: Connection) -> Wanted:
        run = find_final_run(conn, run_id)
        try:
            return _want(services, conn, run, body)
        except (NothingToRepeat, SecretsUnreadable) as error:
            raise conflict(run, str(error)) from None

    return queue_run(services, want, ["rerun", run_id], body, key=headers.key, wait=query.wait)


def find_final_run(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem, or a 409 problem while it is not final."""
    run = find_run(conn, run_id)
    if not run.is_final:
        raise conflict(run, f"run {run_id} is {run.state}: wait for its end, or stop it")
    return run


def _want(services: Services, conn: Connection, run: Run, body: RerunBody) -> Wanted:
    only = run.only_hosts
    if body.hosts == "failed":
        only = rerun.hosts_of(run, hosts.failed(conn, run.id))
    wanted = rerun.repeat(run, by=ADMIN, reason=body.reason, hosts=only)
    if body.at == "newest":
        return _renewed(services, conn, run, wanted)
    # With the first key: whoever is about to give up an older one does not look for it here.
    renewed = services.vault.renew(run.secrets) if run.secrets else None
    _require_credentials(conn, run.spec)
    return replace(wanted, secrets=renewed or run.secrets)


def _renewed(services: Services, conn: Connection, run: Run, wanted: Wanted) -> Wanted:
    """Take the template as it is now for the one of then."""
    stored = templates.find(conn, run.template)
    if stored is None:
        raise conflict(run, f"there is no template {run.template!r} any more")
    template = Template.model_validate(stored.spec)
    given = rerun.fit(run, template, services.vault.open(run.secrets))
    renewed = replace(
        wanted,
        spec=stored.spec,
        accepted=given.values,
        secrets=services.vault.seal(given.secrets),
        overrides=given.overrides,
        playbook_sha=None,
        inventory_sha=None,
    )
    rerun.check_limit(run, wanted.only_hosts, renewed.options)
    _require_credentials(conn, stored.spec)
    return renewed


def _require_credentials(conn: Connection, spec: dict[str, Any]) -> None:
    """Raise Refused: what would fail as soon as it is taken by a runner is not queued."""
    if faults := credentials.faults(conn, spec):
        raise Refused(faults)


OPERATIONS = (
    Operation(
        method="POST",
        path="/runs/<run_id>/rerun",
        view=rerun_run,
        query=WaitQuery,
        headers=TriggerHeaders,
        body=RerunBody,
        answers={HTTPStatus.ACCEPTED: RunAnswer, HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
