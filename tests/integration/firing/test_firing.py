"""What becomes of due times: runs, one of each."""

from datetime import datetime, timedelta

import pytest

from app.factory import create_app
from app.services import services_of
from runner import due
from runner.run import RunState, Trigger
from runner.schedule import Schedule
from runner.settings import Settings
from runner.store import runs, schedules, templates, watch
from runner.template import Template
from tests import playbooks
from tests.api import TEMPLATE
from tests.integration.firing.fired import SECRET, VAULT, fire_now, made
from tests.repositories import make_repository
from tests.runners import LOCAL
from tests.waiting import wait_until


def test_a_due_time_makes_a_run_that_tells_where_it_is_from(conn, make_due):
    seen = make_due(vars={"version": "1.2"}, limit="web1", reason="every night")

    conn.execute("SET TimeZone = 'Asia/Tokyo'")  # as a server may have it; what is told is UTC
    [seen_there] = schedules.due(conn, limit=1)

    run = fire_now(conn, seen_there)

    assert run.state is RunState.QUEUED
    assert (run.trigger, run.triggered_by) == (Trigger.SCHEDULE, "schedule nightly")
    assert run.schedule == {"name": "nightly", "due": seen.next_at.isoformat()}
    assert run.accepted == {"version": "1.2", "count": 1}
    assert (run.overrides, run.reason) == ({"limit": "web1"}, "every night")
    now = schedules.find(conn, "nightly")
    assert (now.last_at, now.last_outcome, now.last_run) == (seen.next_at, "fired", run.id)
    assert now.next_at == due.first(Schedule.model_validate(seen.spec), seen.next_at)
    audited = conn.execute("SELECT actor, action, target, template, detail FROM audit").fetchone()
    assert audited == {
        "actor": "schedule nightly",
        "action": "run.trigger",
        "target": f"run {run.id}",
        "template": "deploy",
        "detail": {"reason": "every night", **run.schedule},
    }


def test_secret_variables_stay_secret_on_their_way(conn, make_due):
    run = fire_now(conn, make_due(secrets=SECRET))

    assert "password" not in run.accepted
    assert VAULT.open(run.secrets) == SECRET


@pytest.mark.parametrize(
    ("catch_up", "ago", "outcomes"),
    [
        ("skip", 30, ["fired"]),  # as if in time
        ("skip", 3600, ["skipped"]),
        ("once", 3600, ["fired"]),
    ],
)
def test_after_an_outage_what_was_missed_is_skipped_or_run_once(
    conn, make_due, make_watchdog, catch_up, ago, outcomes
):
    seen = make_due(ago=ago, catch_up=catch_up, cron="*/2 * * * *")

    make_watchdog().reconcile()

    now = schedules.find(conn, "nightly")
    assert [now.last_outcome] == outcomes
    assert now.last_at == seen.next_at
    assert (now.last_why is None) == (ago == 30)
    assert len(made(conn)) == outcomes.count("fired")
    assert now.next_at > watch.clock(conn) - due.TOLERANCE


def test_what_was_missed_is_one_run_however_often_one_looks(conn, make_due, make_watchdog):
    begun = watch.clock(conn)
    seen = make_due(ago=86_400, catch_up="once", cron="*/10 * * * *")

    for _ in range(5):
        make_watchdog().reconcile()

    first, *others = [datetime.fromisoformat(run.schedule["due"]) for run in made(conn)]
    assert first == seen.next_at
    assert all(each > begun for each in others)  # ten minutes may have begun meanwhile


def test_one_time_is_over_when_it_is_fired(conn, make_due, make_watchdog):
    at = (watch.clock(conn) - timedelta(seconds=5)).isoformat()
    make_due(ago=5, cron=None, at=at)

    for _ in range(2):
        make_watchdog().reconcile()

    now = schedules.find(conn, "nightly")
    assert (now.next_at, now.last_outcome, len(made(conn))) == (None, "fired", 1)


def test_a_runner_plays_what_is_due_in_two_seconds(bench, start, tmp_path):
    """Declared over HTTP, fired by the watchdog in the runner, and played by it."""
    repository = make_repository(tmp_path / "repository", {"site.yml": playbooks.HELLO})
    start(RUNNER_LEASE="3")
    app = create_app(Settings.from_environ(bench.environ))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {bench.environ['CURTAIN_ADMIN_TOKEN']}"
    playbook = {"repository": repository.url, "ref": "main", "path": "site.yml"}
    template = {"playbook": playbook, "inventory": {"content": LOCAL}}
    assert client.put("/api/v1/templates/deploy", json=template).status_code == 201
    at = watch.clock(bench.conn) + timedelta(seconds=2)

    put = client.put("/api/v1/schedules/soon", json={"template": "deploy", "at": at.isoformat()})
    assert put.status_code == 201
    told = wait_until(lambda: client.get("/api/v1/schedules/soon").json["last"])
    run = bench.await_final(runs.find(bench.conn, told["run"]))
    answer = client.get(f"/api/v1/runs/{run.id}").json
    services_of(app).close()

    assert run.state is RunState.SUCCEEDED, bench.output(run)
    assert run.queued_at >= at
    assert answer["schedule"] == {"name": "soon", "due": at.isoformat()}
    assert (answer["trigger"], answer["triggered_by"]) == ("schedule", "schedule soon")
    assert bench.family(run) == []
    assert b"hello" in bench.output(run)


def test_a_busy_group_that_rejects_lets_the_due_time_pass(conn, make_due):
    group = {"concurrency": {"group": "prod", "when_busy": "reject"}}
    spec = Template.model_validate({**TEMPLATE, **group}).spec()
    templates.put(conn, "deploy", spec, "ada")
    first = fire_now(conn, make_due())

    assert fire_now(conn, make_due("other")) is None

    stored = schedules.find(conn, "other")
    assert stored.last_outcome == "skipped"
    assert f"run {first.id} is not final" in stored.last_why
    assert [run.id for run in made(conn)] == [first.id]


def test_what_gives_a_scheduled_run_its_place_is_audited(conn, make_due):
    group = {"concurrency": {"group": "prod", "when_busy": "coalesce"}}
    spec = Template.model_validate({**TEMPLATE, **group}).spec()
    templates.put(conn, "deploy", spec, "ada")
    older = fire_now(conn, make_due())

    newer = fire_now(conn, make_due("other"))

    assert runs.find(conn, older.id).state is RunState.STOPPED
    audited = conn.execute(
        "SELECT actor, target, detail FROM audit WHERE action = 'run.supersede'"
    ).fetchall()
    told = {"superseded_by": newer.id}
    assert audited == [{"actor": "schedule other", "target": f"run {older.id}", "detail": told}]
