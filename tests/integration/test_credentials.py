"""Credentials in Postgres: templates and deletions that cross, and the runs that use them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from runner.acceptance import Refused
from runner.containment import SUBREAPER, Containment
from runner.credential import restored, shown, unlocked
from runner.run import RunState
from runner.settings import Settings
from runner.starts import Starts
from runner.store import credentials, templates
from runner.store.connection import AWAY, connect
from runner.store.credentials import CredentialInUse
from runner.uses import known
from runner.vault import Vault
from tests.keys import private_key
from tests.waiting import wait_until

KEY = "b" * 32  # of the bench
ROOT = {"kind": "become_password", "password": "hunter2"}
GIT = {"kind": "git_https", "username": "bot", "password": "hunter2"}
SPEC = {"playbook": {}, "inventory": {}, "credentials": ["root"]}
WAITING = """SELECT 1 FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def put(conn, name="root", key=KEY, **given):
    credential = unlocked(restored(given or ROOT))
    sealed = Vault(key).seal(credential.model_dump())
    return credentials.put(conn, name, known(credential), shown(credential), sealed, "ada")


def put_template(conn):
    return templates.put(conn, "deploy", SPEC, "ada")


def change_kind(conn):
    return put(conn, **GIT)


def delete(conn):
    return credentials.delete(conn, "root")


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [
        (put_template, delete, CredentialInUse),
        (put_template, change_kind, CredentialInUse),
        (delete, put_template, Refused),
        (change_kind, put_template, Refused),
    ],
)
def test_who_is_first_decides_and_the_other_is_told(conn, database_url, first, second, refusal):
    """The second waits for the first, which has done all but commit, and sees what it did."""
    put(conn)
    with connect(database_url) as other, ThreadPoolExecutor() as pool:
        with conn.transaction():
            first(conn)
            waiting = pool.submit(second, other)
            with connect(database_url) as onlooker:
                wait_until(lambda: onlooker.execute(WAITING).fetchone())
        with pytest.raises(refusal):
            waiting.result(timeout=60)

    uses = conn.execute("SELECT * FROM template_credentials").fetchall()
    there = credentials.find(conn, "root")
    assert bool(uses) == (first is put_template)
    assert (there and there.kind) == {
        put_template: "become_password",
        delete: None,
        change_kind: "git_https",
    }[first]


def test_whatever_forgets_to_look_deletes_no_credential_in_use(conn):
    put(conn)
    put_template(conn)

    with pytest.raises(psycopg.IntegrityError):
        conn.execute("DELETE FROM credentials")


@pytest.fixture
def spoken(playbook) -> Callable[..., str]:
    """Make a repository whose playbook prints texts; its URL."""

    def make(*texts: str) -> str:
        tasks = "".join(f'    - debug: msg="{text}"\n' for text in texts)
        return playbook(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}").url

    return make


def dump(conn) -> bytes:
    """All that the database holds, in clear."""
    tables = conn.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    text = b""
    for table in tables:
        for row in conn.execute(f"SELECT * FROM {table['table_name']}").fetchall():
            for value in row.values():
                text += value if isinstance(value, bytes) else repr(value).encode()
    return text


def test_no_trace_of_a_run_tells_a_credential(bench, runner, spoken, conn):
    text = private_key()
    put(conn, "key", kind="ssh_key", private_key=text)
    put(conn)
    key = Vault(KEY).open(credentials.sealed(conn, ["key"])["key"])["private_key"]
    lines = key.splitlines()[1:-1]

    run = bench.trigger(spoken("hunter2", *lines), credentials=["root", "key"])

    assert bench.await_final(run).state is RunState.SUCCEEDED
    assert bench.output(run).count(b"********") >= 1 + len(lines)
    told = dump(conn) + runner.log.read_bytes()
    assert [line for line in ["hunter2", *lines] if line.encode() in told] == []
    assert bench.family(run) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda conn: credentials.delete(conn, "root"),
            "credentials.0: there is no credential 'root'",
        ),
        (
            lambda conn: put(conn, key="another" * 5),
            "the credential 'root': was CURTAIN_SECRET_KEY",
        ),
        (change_kind, "credentials.0: 'root' is of kind git_https"),
    ],
)
def test_a_run_whose_credential_is_of_no_use_any_more_fails_and_names_it(
    bench, start, spoken, conn, change, message
):
    """Its spec is older than what the credential is now."""
    put(conn)
    run = bench.trigger(spoken("never"), credentials=["root"], queue_timeout=None)
    conn.execute("UPDATE runs SET spec = spec - 'credentials'")
    change(conn)
    conn.execute('UPDATE runs SET spec = spec || \'{"credentials": ["root"]}\'')

    runner = start()
    final = bench.await_final(run)

    assert final.state is RunState.FAILED
    assert message in final.message
    told = dump(conn) + runner.log.read_bytes()
    assert b"hunter2" not in told
    assert b"Traceback" not in runner.log.read_bytes()
    assert bench.family(run) == []


def test_a_queued_run_uses_what_a_credential_is_when_it_begins(bench, start, spoken, conn):
    put(conn)
    run = bench.trigger(spoken("hunter2", "another-secret"), credentials=["root"])
    put(conn, kind="become_password", password="another-secret")

    start()
    bench.await_final(run)

    assert b"another-secret" not in bench.output(run)
    assert b"hunter2" in bench.output(run)  # which is no secret any more
    assert bench.family(run) == []


def test_a_run_whose_credentials_postgres_did_not_tell_is_queued_again(conn, database_url, bench):
    """Postgres was away between the claim and the look: that is no fault of the run."""
    put(conn)
    run = bench.trigger("file:///none", credentials=["root"])
    settings = Settings.from_environ(bench.environ | {"RUNNER_START": "cold"})
    starts = Starts("here.1.2", settings, None, None, Containment(SUBREAPER))
    conn.execute("SET statement_timeout = 300")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE credentials")
        with pytest.raises(AWAY):
            starts.start(conn, run.id)
    assert bench.find(run).state is RunState.RUNNING

    starts.recover(conn, set())

    now = bench.find(run)
    assert (now.state, now.attempt) == (RunState.QUEUED, 0)
