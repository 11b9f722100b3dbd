"""What becomes of due times: each is run once, whoever looks and whatever happens meanwhile."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from app.factory import create_app
from app.services import services_of
from runner import clients, due, queue
from runner.due import Times
from runner.firing import fire
from runner.run import RunState, Trigger
from runner.schedule import Schedule
from runner.settings import Settings
from runner.store import runs, schedules, templates, watch
from runner.store.connection import Line, connect
from runner.store.schedules import Kept
from runner.template import Template
from runner.vault import Vault
from runner.watchdog import Watchdog
from tests import playbooks
from tests.api import NO_REDIS, TEMPLATE, TOKEN
from tests.repositories import make_repository
from tests.runners import LOCAL, ROOT
from tests.waiting import wait_until

KEY = "a-key-of-the-tests"
VAULT = Vault(KEY)
MINUTELY = {"template": "deploy", "cron": "* * * * *"}
SECRET = {"password": "hunter2-of-the-night"}


@pytest.fixture
def template(conn):
    """A template that can be run."""
    templates.put(conn, "deploy", Template.model_validate(TEMPLATE).spec(), "ada")
    return "deploy"


@pytest.fixture
def make_due(conn, template):
    """Makes a schedule that is due since so many seconds, as if nobody had looked."""

    def make(name="nightly", *, ago=1.0, secrets=None, vault=VAULT, **body):
        spec = Schedule.model_validate(MINUTELY | body).spec()
        at = watch.clock(conn) - timedelta(seconds=ago)
        kept = Kept(spec, list(secrets or {}), vault.seal(secrets or {}))
        schedules.put(conn, name, kept, Times(at, at), "ada")
        return schedules.find(conn, name)

    return make


@pytest.fixture
def make_watchdog(database_url, redis_url):
    """Makes watchdogs. They have one name, of this process: each thinks that it has the watch."""
    lines = []

    def make(redis_at=redis_url):
        settings = Settings.from_environ(
            {
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_at,
                "CURTAIN_ADMIN_TOKEN": TOKEN,
                "CURTAIN_SECRET_KEY": KEY,
            }
        )
        lines.append(Line(database_url))
        return Watchdog(settings, clients.connect(redis_at), lines[-1])

    yield make
    for line in lines:
        line.close()


def made(conn):
    """All runs."""
    rows = conn.execute("SELECT id FROM runs ORDER BY id").fetchall()
    return runs.find_many(conn, [row["id"] for row in rows])


def fire_now(conn, seen):
    made = fire(conn, VAULT, seen, watch.clock(conn))
    return made and made.run


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


def test_many_at_once_make_one_run_of_each_due_time(database_url, conn, make_due):
    """All have seen it due before the first of them moves it on."""
    workers, rounds = 8, 10
    together = Barrier(workers)

    def look(_):
        with connect(database_url) as own:
            fired = []
            for number in range(rounds):
                if together.wait() == 0:
                    make_due(f"schedule-{number}")
                together.wait()
                [seen] = [
                    each
                    for each in schedules.due(own, limit=100)
                    if each.name == f"schedule-{number}"
                ]
                together.wait()
                fired.append(fire_now(own, seen))
            return fired

    with ThreadPoolExecutor(workers) as pool:
        fired = list(pool.map(look, range(workers)))

    for number in range(rounds):
        assert sum(own[number] is not None for own in fired) == 1
    assert sorted(run.schedule["name"] for run in made(conn)) == sorted(
        f"schedule-{number}" for number in range(rounds)
    )


def test_two_watchdogs_that_both_have_the_watch_fire_once(conn, redis, make_due, make_watchdog):
    for number in range(20):
        make_due(f"schedule-{number}")
    watchdogs, together = [make_watchdog(), make_watchdog()], Barrier(2)

    def reconcile(watchdog):
        together.wait()
        watchdog.reconcile()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(reconcile, watchdogs))

    names = [run.schedule["name"] for run in made(conn)]
    assert sorted(names) == sorted(f"schedule-{number}" for number in range(20))
    assert queue.waiting(redis) == {run.id for run in made(conn)}


def test_who_is_killed_in_between_has_fired_nothing(
    database_url, conn, make_due, make_watchdog, caplog
):
    seen = make_due()
    command = [sys.executable, "tests/children/firing.py", database_url]
    environ = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline().strip().isdigit()  # a run that nobody else sees
        make_watchdog().reconcile()
        assert made(conn) == []
        assert "nightly: it is tried again in the next round" in caplog.text
        child.kill()

    wait_until(lambda: make_watchdog().reconcile() and made(conn))
    make_watchdog().reconcile()

    [run] = made(conn)
    assert run.schedule["due"] == seen.next_at.isoformat()


def test_without_redis_it_is_fired_all_the_same_and_enqueued_later(
    conn, redis, make_due, make_watchdog
):
    make_due()

    make_watchdog(NO_REDIS).reconcile()
    [run] = made(conn)
    assert queue.waiting(redis) == set()

    watchdog = make_watchdog()
    wait_until(lambda: watchdog.reconcile() and queue.waiting(redis) == {run.id})
    assert len(made(conn)) == 1


def test_a_redis_that_is_silent_holds_the_watchdog_up_once_and_not_for_each(
    conn, make_due, make_watchdog
):
    for number in range(20):
        make_due(f"schedule-{number}")
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        watchdog = make_watchdog(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        seconds = watchdog.reconcile().seconds

    assert len(made(conn)) == 20
    assert seconds < due.TOLERANCE.total_seconds()  # for each it would be 700


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_a_lock_on_all_schedules_holds_no_round_up(
    database_url, conn, make_due, make_watchdog, mode
):
    for number in range(40):
        make_due(f"schedule-{number}")
    with connect(database_url) as other, other.transaction():
        other.execute(f"LOCK TABLE schedules IN {mode} MODE")
        seconds = make_watchdog().reconcile().seconds

    assert seconds < 30  # each by itself gives up after a second
    make_watchdog().reconcile()
    assert len(made(conn)) == 40


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


@pytest.mark.parametrize(
    ("accepts", "why"),
    [
        ({}, "vars.version is not accepted by this template"),
        (
            {"version": {"type": "string"}, "region": {"type": "string", "required": True}},
            "vars.region is required",
        ),
        ({"version": {"type": "integer"}}, "vars.version must be an integer"),
    ],
)
def test_a_template_that_has_changed_is_noted_and_the_next_time_comes(
    conn, make_due, make_watchdog, caplog, accepts, why
):
    seen = make_due(vars={"version": "1.2"})
    changed = Template.model_validate(TEMPLATE | {"accepts": accepts}).spec()
    templates.put(conn, "deploy", changed, "ada")

    make_watchdog().reconcile()

    now = schedules.find(conn, "nightly")
    assert (now.last_at, now.last_outcome, now.last_why) == (seen.next_at, "failed", why)
    assert now.next_at > seen.next_at
    assert made(conn) == []
    assert f"schedule nightly: no run for {seen.next_at}: {why}" in caplog.text


def test_what_was_secret_is_not_shown_by_a_template_that_has_changed(conn, make_due):
    seen = make_due(secrets=SECRET)
    open_now = TEMPLATE | {"accepts": {"password": {"type": "string"}}}
    templates.put(conn, "deploy", Template.model_validate(open_now).spec(), "ada")

    assert fire_now(conn, seen) is None

    now = schedules.find(conn, "nightly")
    assert now.last_why == "vars.password was secret when it was given and would be shown now"


def test_secrets_that_no_key_reads_are_no_run(conn, make_due):
    assert fire_now(conn, make_due(secrets=SECRET, vault=Vault("lost"))) is None

    now = schedules.find(conn, "nightly")
    assert now.last_outcome == "failed"
    assert "CURTAIN_SECRET_KEY" in now.last_why


def test_one_that_cannot_be_read_keeps_no_other_from_being_fired(
    conn, make_due, make_watchdog, caplog
):
    make_due("broken", ago=9)
    make_due("sound")
    conn.execute("""UPDATE schedules SET spec = spec || '{"cron": "?"}' WHERE name = 'broken'""")

    make_watchdog().reconcile()

    assert [run.schedule["name"] for run in made(conn)] == ["sound"]
    assert "schedule broken: it is tried again in the next round" in caplog.text


@pytest.mark.parametrize("change", ["put", "delete", "pause"])
def test_what_has_changed_since_it_was_seen_is_looked_at_again(conn, make_due, change):
    seen = make_due()
    kept = Kept(seen.spec, [], None)
    if change == "put":
        schedules.put(conn, "nightly", kept, Times(seen.next_at, seen.fire_at), "bob")
    elif change == "delete":
        schedules.delete(conn, "nightly")
    else:
        schedules.put(conn, "nightly", kept, Times(None, None), "bob")

    assert fire_now(conn, seen) is None

    assert made(conn) == []
    assert len(schedules.due(conn, limit=10)) == (change == "put")


def test_who_puts_waits_for_who_fires_and_doubles_nothing(database_url, conn, make_due):
    """The schedule is put as it was, while its due time is being fired."""
    seen = make_due()
    schedule = Schedule.model_validate(seen.spec)
    with ThreadPoolExecutor(1) as pool, connect(database_url) as firing:

        def put():
            with connect(database_url) as own, own.transaction():
                before, now = schedules.hold(own, "nightly")
                known = Times(before.next_at, before.fire_at)
                times = due.renewed(
                    "nightly", schedule, now, was=schedule, before=known, last_at=before.last_at
                )
                schedules.put(own, "nightly", Kept(before.spec, [], None), times, "bob")

        with firing.transaction():
            assert fire_now(firing, seen) is not None
            putting = pool.submit(put)
            waits = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: conn.execute(waits).fetchone()["n"])
        putting.result(timeout=60)

    assert len(made(conn)) == 1
    assert schedules.find(conn, "nightly").next_at > seen.next_at


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
