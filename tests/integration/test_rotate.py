"""`python -m runner.rotate`: another key for all that is kept, while runs wait and play."""

import os
import subprocess
import sys
import uuid

import psycopg
import pytest

from runner.due import Times
from runner.judge import Verdict
from runner.rotate import renew_all, rotate
from runner.run import RunState, Trigger
from runner.store import claims, hooks, moves, runs, schedules, sealed, templates
from runner.store.connection import connect
from runner.vault import Vault
from runner.wanted import Wanted
from tests import playbooks
from tests.runners import ROOT

OLD, NEW, LOST = "old" * 8, "new" * 8, "lost" * 8
BOTH = f"{NEW},{OLD}"
SECRET = {"password": "hunter2"}
SPEC = {"timeout": 60, "grace": 10, "queue_timeout": None}


@pytest.fixture
def keep(conn):
    """Keeps a credential that another key has sealed."""

    def keep_one(name, key=OLD, **values):
        conn.execute(
            """INSERT INTO credentials (name, kind, shown, sealed, updated_by)
               VALUES (%s, 'become_password', '{}', %s, 'ada')""",
            [name, Vault(key).seal(values or SECRET)],
        )

    return keep_one


@pytest.fixture
def make_run(conn):
    """A queued run with a secret that another key has sealed."""

    def make(key=OLD):
        secrets = Vault(key).seal(SECRET)
        wanted = Wanted(template="t", spec=SPEC, secrets=secrets, trigger=Trigger.API, by="ada")
        return runs.insert(conn, wanted)

    return make


@pytest.fixture
def claim(conn):
    """Claims a run, without any process."""

    def claim_one(run):
        names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
        return claims.claim(conn, run.id, token=uuid.uuid4(), lease=30, **names)

    return claim_one


@pytest.fixture
def finish(conn, claim):
    """Plays a run to its end, without any process."""

    def finish_one(run):
        done = Verdict(state=RunState.SUCCEEDED, message="done", exit_code=0)
        run = claim(run)
        return moves.finish(conn, run, done, actor="here", complete=True, truncated=False)

    return finish_one


def values(conn):
    """Everything that is sealed."""
    places = sealed.PLACES
    return [
        row.value
        for place in places
        for row in sealed.batch(conn, place, after=place.start, limit=1000)
    ]


def rotate_apart(database_url, secret_key):
    """Rotate as an operator does."""
    unset = ("REDIS_URL", "CURTAIN_ADMIN_TOKEN")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    environ |= {"DATABASE_URL": database_url, "CURTAIN_SECRET_KEY": secret_key}
    command = [sys.executable, "-m", "runner.rotate"]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )


def test_afterwards_the_old_key_can_be_dropped(conn, database_url, keep, make_run, claim, finish):
    keep("one")
    keep("two", key=NEW)
    hook = {"sender": "aws_sns"}
    hooks.put(conn, "site", hook, Vault(OLD).seal(SECRET), "ada")
    templates.put(conn, "t", SPEC | {"playbook": {"repository": "file:///x"}}, "ada")
    nightly = schedules.Kept({"template": "t"}, [*SECRET], Vault(OLD).seal(SECRET))
    schedules.put(conn, "nightly", nightly, Times(None, None), "ada")
    queued, running, final = make_run(), claim(make_run()), finish(make_run())
    without = runs.insert(conn, Wanted(template="t", spec=SPEC, trigger=Trigger.API, by="ada"))

    done = rotate_apart(database_url, BOTH)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "credentials: 1 sealed anew, 1 were already, 0 unreadable",
        "hooks: 1 sealed anew, 0 were already, 0 unreadable",
        "schedules: 1 sealed anew, 0 were already, 0 unreadable",
        "runs: 3 sealed anew, 0 were already, 0 unreadable",
        "chat answers: 0 sealed anew, 0 were already, 0 unreadable",
        "token keys: 0 sealed anew, 0 were already, 0 unreadable",
    ]
    assert [Vault(NEW).open(value) for value in values(conn)] == [SECRET] * 7
    for before in (queued, running, final, without):
        now = vars(runs.find(conn, before.id))
        assert now == vars(before) | {"secrets": now["secrets"]}


def test_where_commands_are_answered_is_sealed_anew_too(conn, database_url, finish):
    reply = Vault(OLD).seal(SECRET)
    wanted = Wanted(template="t", spec=SPEC, trigger=Trigger.CHAT, by="ada", reply=reply)
    queued, final = runs.insert(conn, wanted), finish(runs.insert(conn, wanted))

    done = rotate_apart(database_url, BOTH)

    assert done.returncode == 0
    assert "chat answers: 2 sealed anew" in done.stdout
    for run in (queued, final):
        assert Vault(NEW).open(runs.find(conn, run.id).reply) == SECRET


def test_what_no_key_reads_is_named_and_left(database_url, conn, keep, make_run):
    keep("fine")
    keep("gone", key=LOST)
    run = make_run(key=LOST)

    done = rotate_apart(database_url, BOTH)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "none of the keys reads the credential gone",
        f"none of the keys reads the run {run.id}",
    ]
    assert "hunter2" not in done.stdout + done.stderr
    assert [bool(Vault(f"{NEW},{LOST}").open(value)) for value in values(conn)] == [True] * 3


def test_without_postgres_it_says_so(conn):
    done = rotate_apart("postgresql://127.0.0.1:1/nowhere", BOTH)

    assert done.returncode == 2
    assert "start it again" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_setting_it_names_that_and_asks_for_no_other(conn):
    done = rotate_apart("", "short")

    assert done.returncode == 2
    assert done.stderr.startswith("nothing was done: DATABASE_URL: ")
    assert "CURTAIN_SECRET_KEY: " in done.stderr
    assert not any(word in done.stderr for word in ("again", "REDIS", "TOKEN", "Traceback"))


class Interrupted(Vault):
    """A vault that somebody takes away after two."""

    left = 2

    def renew(self, value):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().renew(value)


def test_it_may_be_stopped_and_started_again(conn, database_url, make_run, capsys):
    for _ in range(5):
        make_run()
    with connect(database_url) as other:
        with pytest.raises(KeyboardInterrupt):
            rotate(other, Interrupted(BOTH))

        assert rotate(other, Vault(BOTH)) == 0

    assert "runs: 3 sealed anew, 2 were already" in capsys.readouterr().out
    assert [Vault(NEW).open(value) for value in values(conn)] == [SECRET] * 5


class Overtaken(Vault):
    """A vault that is slow: meanwhile somebody puts another password, or deletes it."""

    meanwhile = None

    def renew(self, value):
        renewed = super().renew(value)
        if self.meanwhile:
            self.meanwhile()
            self.meanwhile = None
        return renewed


@pytest.mark.parametrize("how", ["put", "deleted"])
def test_what_is_put_at_the_same_time_is_not_lost(conn, database_url, keep, how):
    keep("one")
    keep("two")
    vault, later = Overtaken(BOTH), Vault(OLD).seal({"password": "later"})
    vault.meanwhile = {
        "put": lambda: conn.execute(
            "UPDATE credentials SET sealed = %s WHERE name = 'one'", [later]
        ),
        "deleted": lambda: conn.execute("DELETE FROM credentials WHERE name = 'one'"),
    }[how]

    with connect(database_url) as other:
        tally = renew_all(other, vault, sealed.CREDENTIALS)

    kept = [Vault(NEW).open(value) for value in values(conn)]
    assert kept == ([{"password": "later"}, SECRET] if how == "put" else [SECRET])
    assert tally.renewed == len(kept)


@pytest.mark.parametrize(
    "change",
    [
        "secrets = NULL",  # it had some
        "secrets = %(value)s, message = 'x'",
        "secrets = %(value)s, state = 'failed'",
    ],
)
def test_of_a_final_row_only_the_key_of_its_secrets_changes(conn, make_run, finish, change):
    run = finish(make_run())

    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed"):
        conn.execute(f"UPDATE runs SET {change} WHERE id = %(id)s", {"id": run.id, "value": b"new"})


def test_a_final_row_without_secrets_is_not_given_any(conn, finish):
    run = finish(runs.insert(conn, Wanted(template="t", spec=SPEC, trigger=Trigger.API, by="ada")))

    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed"):
        conn.execute("UPDATE runs SET secrets = 'x' WHERE id = %s", [run.id])


def test_a_late_result_is_neither_lost_nor_written_twice(conn, database_url, make_run, finish):
    run = finish(make_run())
    conn.execute('UPDATE runs SET late_result = \'{"state": "failed"}\'')

    with connect(database_url) as other:
        assert rotate(other, Vault(BOTH)) == 0

    assert runs.find(conn, run.id).late_result == {"state": "failed"}
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed"):
        conn.execute("UPDATE runs SET late_result = '{}'")


def test_runs_play_on_and_what_is_queued_is_played_with_the_new_key_alone(
    bench, start, playbook, database_url
):
    url = playbook(playbooks.SLEEPING).url
    playing, queued = (bench.trigger(url, secrets=Vault(OLD).seal(SECRET)) for _ in range(2))
    runner = start(CURTAIN_SECRET_KEY=BOTH, RUNNER_SLOTS="1")
    bench.await_output(playing, b"ready")

    assert rotate_apart(database_url, BOTH).returncode == 0

    assert [bench.find(run).state for run in (playing, queued)] == ["running", "queued"]
    assert runner.terminate() == 0  # interrupted: a new runner is to have the new key
    start(CURTAIN_SECRET_KEY=NEW)
    bench.await_output(queued, b"ready")
    bench.stop(queued)
    assert bench.await_final(queued).state is RunState.STOPPED
    assert [bench.family(run) for run in (playing, queued)] == [[], []]
