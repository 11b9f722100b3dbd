"""Reruns over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.services import services_of
from runner.judge import Verdict
from runner.recap import HostResult
from runner.run import Run, RunState
from runner.store import claims, moves, runs
from runner.store.connection import Connection
from tests.api import TEMPLATE

SHA = "a" * 40
INVENTORY_SHA = "b" * 40
Finished = Callable[..., Run]


@pytest.fixture
def finished(client: FlaskClient, template: str, conn: Connection) -> Finished:
    """Makes runs that somebody has triggered, and that have failed on some hosts."""

    def make(body: dict[str, Any] | None = None, hosts: tuple[str, ...] | None = ("web1",)) -> Run:
        response = client.post("/api/v1/templates/deploy/runs", json=body or {})
        assert response.json is not None
        run = claims.claim(
            conn,
            response.json["id"],
            runner="runner-1",
            machine="machine-1",
            boot="boot",
            token="6f1c7c3e-0000-4000-8000-000000000000",  # type: ignore[arg-type]
            lease=60,
        )
        assert run is not None
        moves.prepared(conn, run, playbook_sha=SHA, inventory_sha=INVENTORY_SHA)
        results = hosts and (
            HostResult("fine", 1, 0, 0, 0, 0, 0, 0),
            *(HostResult(name, 1, 0, 0, 1, 0, 0, 0) for name in hosts),
        )
        verdict = Verdict(
            state=RunState.FAILED, message="", exit_code=2, hosts=() if hosts == () else results
        )
        ended = moves.finish(conn, run, verdict, actor="runner-1", complete=True, truncated=False)
        assert ended is not None
        return ended

    return make


def rerun(client: FlaskClient, run: Run, body: dict[str, Any] | None = None, **headers: str) -> Any:
    path = f"/api/v1/runs/{run.id}/rerun"
    return client.post(path, json=body, headers=headers) if body else client.post(path)


def test_a_rerun_is_a_new_run_of_what_the_old_one_was(
    client: FlaskClient, finished: Finished, conn: Connection
) -> None:
    old = finished(
        {"vars": {"version": "1.2", "password": "hunter2"}, "limit": "web", "ref": "next"}
    )
    changed = {**TEMPLATE, "accepts": {}, "overrides": [], "options": {}}
    client.put("/api/v1/templates/deploy", json=changed)

    response = rerun(client, old)

    assert response.status_code == 202
    new = runs.find(conn, response.json["id"])
    assert new is not None
    assert new.id > old.id
    assert response.headers["Location"] == f"/api/v1/runs/{new.id}"
    same = ("template", "spec", "accepted", "secrets", "overrides", "playbook_sha", "inventory_sha")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert (new.state, new.trigger, new.rerun_of, new.only_hosts) == (
        RunState.QUEUED, "rerun", old.id, None
    )  # fmt: skip
    assert (response.json["rerun_of"], response.json["playbook_sha"]) == (old.id, SHA)
    assert response.json["vars"]["password"] == "********"


def test_a_rerun_of_a_template_that_was_deleted_works(
    client: FlaskClient, finished: Finished
) -> None:
    old = finished()
    client.delete("/api/v1/templates/deploy")

    assert rerun(client, old).status_code == 202
    refused = rerun(client, old, {"at": "newest"})
    assert refused.status_code == 409
    assert refused.json["run"]["id"] == old.id


def test_a_rerun_whose_credential_is_gone_is_refused_and_nothing_runs(
    client: FlaskClient, finished: Finished
) -> None:
    body = {"kind": "become_password", "password": "hunter2"}
    client.put("/api/v1/credentials/root", json=body)
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "credentials": ["root"]})
    old = finished()
    client.put("/api/v1/templates/deploy", json=TEMPLATE)
    client.delete("/api/v1/credentials/root")

    response = rerun(client, old)

    assert response.status_code == 422
    gone = {"field": "credentials.0", "message": "there is no credential 'root'"}
    assert response.json["errors"] == [gone]
    assert client.get(f"/api/v1/runs?rerun_of={old.id}").json["runs"] == []  # type: ignore[index]
    assert rerun(client, old, {"at": "newest"}).status_code == 202


def test_newest_takes_the_template_of_now_and_resolves_anew(
    client: FlaskClient, finished: Finished, conn: Connection
) -> None:
    old = finished({"vars": {"version": "1.2", "password": "hunter2"}, "check": True})
    accepts = {**TEMPLATE["accepts"], "count": {"type": "integer", "default": 5}}
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "accepts": accepts, "timeout": 77})

    response = rerun(client, old, {"at": "newest", "reason": "again"})

    assert response.status_code == 202
    new = runs.find(conn, response.json["id"])
    assert new is not None
    assert new.spec["timeout"] == 77
    assert new.accepted == {"version": "1.2", "count": 5}
    assert services_of(client.application).vault.open(new.secrets) == {"password": "hunter2"}
    assert new.overrides == {"check": True}
    assert (new.playbook_sha, new.inventory_sha, new.reason) == (None, None, "again")


def test_what_no_longer_fits_the_newest_template_is_named_and_nothing_runs(
    client: FlaskClient, finished: Finished
) -> None:
    old = finished({"vars": {"version": "1.2"}, "check": True})
    accepts = {"version": {"type": "string", "pattern": "v.*"}}
    client.put(
        "/api/v1/templates/deploy", json={**TEMPLATE, "accepts": accepts, "overrides": ["limit"]}
    )

    response = rerun(client, old, {"at": "newest"})

    assert response.status_code == 422
    fields = {error["field"] for error in response.json["errors"]}
    assert fields == {"vars.version", "check"}
    assert client.get(f"/api/v1/runs?rerun_of={old.id}").json["runs"] == []  # type: ignore[index]


def test_only_the_hosts_that_failed(client: FlaskClient, finished: Finished) -> None:
    old = finished(hosts=("web2", "web1"))

    response = rerun(client, old, {"hosts": "failed"})

    assert (response.status_code, response.json["only_hosts"]) == (202, ["web1", "web2"])


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        (None, "not known"),  # it was stopped, killed, or ran without our plugin
        ((), "no host failed"),
        (("web*",), "more than one host"),
    ],
)
def test_failed_hosts_that_there_are_not_are_a_conflict(
    client: FlaskClient, finished: Finished, hosts: tuple[str, ...] | None, reason: str
) -> None:
    old = finished(hosts=hosts)

    response = rerun(client, old, {"hosts": "failed"})

    assert response.status_code == 409
    assert reason in response.json["detail"]
    assert response.json["run"]["id"] == old.id


def test_hosts_do_not_take_the_place_of_a_limit_that_was_set_since(
    client: FlaskClient, finished: Finished
) -> None:
    old = finished()
    options = {"forks": 10, "limit": "all:!web1"}
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "options": options})

    response = rerun(client, old, {"at": "newest", "hosts": "failed"})

    assert response.status_code == 409
    assert "limit" in response.json["detail"]


def test_a_run_that_is_not_final_is_no_run_to_repeat(
    client: FlaskClient, queued: Callable[[], Run], running: Callable[[], Run]
) -> None:
    for run in (queued(), running()):
        response = rerun(client, run)

        assert response.status_code == 409
        assert response.json["run"]["id"] == run.id


def test_there_must_be_such_a_run(client: FlaskClient) -> None:
    assert client.post("/api/v1/runs/1/rerun").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"at": "yesterday"},
        {"hosts": ["web1"]},
        {"vars": {"version": "2"}},  # it is the old run's
        {"id": 5},
        {"playbook_sha": SHA},
        {"rerun_of": 1},
        {"triggered_by": "root"},
        {"reason": 1},
    ],
)
def test_what_a_caller_may_not_say_is_refused(
    client: FlaskClient, finished: Finished, body: dict[str, Any]
) -> None:
    response = rerun(client, finished(), body)

    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == list(body)


def test_a_repeated_request_gives_the_same_rerun(client: FlaskClient, finished: Finished) -> None:
    old, other = finished(), finished()
    key = {"Idempotency-Key": "again-1"}

    first = rerun(client, old, {"at": "same"}, **key)

    assert rerun(client, old, {"at": "same"}, **key).json["id"] == first.json["id"]
    assert rerun(client, old, {"at": "newest"}, **key).status_code == 422
    assert rerun(client, other, {"at": "same"}, **key).status_code == 422


def test_reruns_of_a_run_can_be_listed(client: FlaskClient, finished: Finished) -> None:
    old = finished()
    ids = [rerun(client, old).json["id"] for _ in range(3)]
    rerun(client, finished())

    listed = client.get(f"/api/v1/runs?rerun_of={old.id}&limit=2").json

    assert listed is not None
    assert [run["id"] for run in listed["runs"]] == ids[:0:-1]
    rest = client.get(listed["next"]).json
    assert rest is not None
    assert [run["id"] for run in rest["runs"]] == ids[:1]


def test_fifty_at_once_are_fifty_runs(client: FlaskClient, finished: Finished) -> None:
    old = finished()
    app = client.application
    authorization = client.environ_base["HTTP_AUTHORIZATION"]

    def fire(_: int) -> int:
        own = app.test_client()
        response = own.post(
            f"/api/v1/runs/{old.id}/rerun", headers={"Authorization": authorization}
        )
        assert response.status_code == 202, response.text
        assert response.json is not None
        return int(response.json["id"])

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(fire, range(50)))) == 50
