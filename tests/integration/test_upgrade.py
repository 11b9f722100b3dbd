"""While an upgrade is under way the version before goes on, on a schema that it does not know."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from runner.run import RunState, Trigger
from runner.store import claims, migrate, runs, stops
from runner.template import Template
from tests import playbooks
from tests.api import TEMPLATE

#: What that version says to Postgres, by name.
FILE = Path(__file__).with_name("before_0013.sql")
SPEC = {"timeout": 60, "grace": 10, "queue_timeout": 60}

#: What an older version could trip over, and why it does not. Each migration that is added is to be
#: read with its eyes: it reads and writes these tables until the last of its processes has ended.
SURVIVED = {
    ("0002_faults", "runs: ADD CONSTRAINT left_by_an_end_of_its_own"): "of a column it has not",
    ("0004_reruns", "runs: ADD CONSTRAINT rerun_of_an_older_run"): "of a column it has not",
    ("0004_reruns", "runs: ADD CONSTRAINT only_some_hosts"): "of a column it has not",
    ("0006_notifications", "credentials: ADD CONSTRAINT known_kind"): "wider than before",
    ("0013_order", "runs: ADD CONSTRAINT limited_iff_grouped"): "of columns it has not",
    ("0013_order", "runs: ADD CONSTRAINT running_in_a_slot"): "it shall trip: its claim of a run of"
    " a group fails, and a new runner takes it",
    ("0013_order_indexes", "CREATE UNIQUE INDEX CONCURRENTLY runs_in_group"): "of columns it leaves"
    " alone",
    ("0015_retention", "runs: ADD CONSTRAINT known_output_kept"): "of a column it has not",
    ("0016_follow_ups", "runs: ADD CONSTRAINT known_trigger"): "wider than before",
    ("0016_follow_ups", "runs: ADD CONSTRAINT rerun_of_an_older_run"): "wider than before",
    ("0016_follow_ups", "runs: ADD CONSTRAINT known_approval"): "of a column it has not",
    ("0016_follow_ups", "runs: ADD CONSTRAINT nothing_runs_unapproved"): "it shall trip: its claim"
    " of a run that waits for approval fails, and the run waits on",
    ("0016_follow_ups", "tokens: ADD CONSTRAINT known_rights"): "wider than before",
}
#: Fields that templates had in the first version of all, or that are stored whatever they say.
ALWAYS_STORED = {
    "playbook", "inventory", "vars", "accepts", "overrides", "options", "requirements",
    "environment", "credentials", "timeout", "grace", "on_interrupt", "leave_async",
    "notifications",
}  # fmt: skip

RISKY = re.compile(
    r"DROP COLUMN|DROP TABLE|DROP FUNCTION|RENAME|\bTYPE\b|SET NOT NULL|ADD CONSTRAINT"
    r"|CREATE UNIQUE INDEX|ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b"
)


def clauses(text: str) -> Iterator[str]:
    """What a migration does to tables that are there, piece by piece, without its functions."""
    bare = re.sub(r"\$\$.*?\$\$", "", re.sub(r"--[^\n]*", "", text), flags=re.DOTALL)
    for statement in bare.split(";"):
        words = " ".join(statement.split())
        altered = re.match(r"ALTER TABLE (\w+) (.*)", words)
        if altered is None:
            yield words
            continue
        for clause in re.split(r", (?=(?:ADD|DROP|ALTER|RENAME|SET) )", altered[2]):
            yield f"{altered[1]}: {clause}"


def risks(text: str) -> list[str]:
    """What of a migration an older version could trip over; its own new tables are none of it."""
    new = re.findall(r"CREATE TABLE (\w+)", text)
    return [
        re.split(r" CHECK| ON ", clause)[0]
        for clause in clauses(text)
        if RISKY.search(clause) and not any(f" ON {table} " in f"{clause} " for table in new)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE runs DROP COLUMN message",
        "ALTER TABLE runs ADD COLUMN a text, RENAME COLUMN message TO words",
        "ALTER TABLE runs ALTER COLUMN message TYPE jsonb",
        "ALTER TABLE runs ALTER COLUMN message SET NOT NULL",
        "ALTER TABLE runs ADD COLUMN zone text NOT NULL, ADD COLUMN b text NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD CONSTRAINT short CHECK (length(message) < 9)",
        "CREATE UNIQUE INDEX one_each ON runs (template)",
        "DROP TABLE watch",
    ],
)
def test_what_an_older_version_could_trip_over_is_found(statement):
    assert len(risks(statement)) == 1


def test_of_each_migration_it_is_known_that_the_version_before_survives_it():
    found = [
        (name.removesuffix(".sql"), risk)
        for name, text in migrate._migrations()
        for risk in risks(text)
    ]

    assert found == list(SURVIVED)


def test_a_field_that_a_version_adds_is_stored_only_where_it_says_something():
    """The version before takes no template with a field that it does not know."""
    stored = Template.model_validate(TEMPLATE).spec()

    assert set(stored) <= ALWAYS_STORED


def test_a_field_that_says_something_is_stored():
    said = {"queue": "gpu", "priority": "high", "then": [{"template": "other"}]}

    stored = Template.model_validate({**TEMPLATE, **said}).spec()

    assert set(stored) - ALWAYS_STORED == set(said)


@pytest.fixture
def say(conn):
    """Says something to Postgres as the version before does, and returns the row that it gets."""
    parts = re.split(r"^-- (\w+)\n", FILE.read_text(), flags=re.MULTILINE)[1:]
    statements = {
        name: text.strip().removesuffix(";")
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }

    def call(what, **values):
        statement = statements[what].replace("{row}", statements["row"])
        noted = {"kind": what, "actor": "old", "detail": Jsonb({})}
        done = conn.execute(statement, noted | values)
        return done.fetchone() if done.description else done.rowcount

    return call


@pytest.fixture
def insert(say):
    """A queued run, made by the version before."""
    unset = ("secrets", "reason", "idempotency_key", "request_digest", "rerun_of", "only_hosts")
    unset += ("playbook_sha", "inventory_sha", "hook", "reply", "traceparent", "address", "agent")

    def make():
        return say(
            "insert",
            **dict.fromkeys(unset),
            template="t",
            spec=Jsonb(SPEC),
            accepted=Jsonb({}),
            overrides=Jsonb({}),
            trigger="api",
            by="ada",
            queue_timeout=60,
            action="run.trigger",
        )

    return make


@pytest.fixture
def claim(say):
    """Has the version before claim a run."""
    held = {"runner": "old.1.2", "machine": "old", "boot": "b", "lease": 30}

    def call(run):
        return say("claim", run_id=run["id"], token=uuid4(), **held)

    return call


def finish(say, run, state, **more):
    values = {
        "message": "as told", "exit_code": 0, "stop_outcome": None, "left_running": Jsonb([]),
        "may_continue_on": [], "host_count": None, "complete": True, "truncated": False,
        "events": None, **more,
    }  # fmt: skip
    held = {"run_id": run["id"], "token": run["lease_token"]}
    return say("finish", state=state, **held, **values)


def test_it_takes_a_run_from_its_trigger_to_its_end(say, insert, claim, conn):
    run = claim(insert())
    held = {"run_id": run["id"], "token": run["lease_token"]}

    leader = {"leader": 1, "created": 1, "keeper": 1, "directory": "/nowhere"}
    assert say("register", **held, **leader)["leader_pid"] == 1
    assert say("prepared", **held, playbook_sha="a", inventory_sha=None)["playbook_sha"] == "a"
    assert say("play", **held)["phase"] == "playing"
    assert say("append", **held, start=0, chunk=b"hello")["id"] == run["id"]
    assert say("renew", tokens=[run["lease_token"]], lease=30)["id"] == run["id"]
    assert finish(say, run, "succeeded")["state"] == "succeeded"

    seen = runs.find(conn, run["id"])
    assert (seen.state, seen.queue, seen.priority, seen.chain_depth) == (
        "succeeded",
        "default",
        0,
        0,
    )


@pytest.mark.parametrize("is_claimed", [False, True])
def test_it_stops_what_is_queued_and_what_runs(say, insert, claim, is_claimed):
    run = insert()
    if is_claimed:
        run = claim(run)

    stopped = say("request_stop", run_id=run["id"], by="ada", reason=None, force=False)

    if is_claimed:
        assert (stopped["state"], stopped["stop_requested_by"]) == ("running", "ada")
        stopped = finish(say, run, "stopped", exit_code=143, stop_outcome="terminated")
    assert stopped["state"] == "stopped"


def test_it_gives_runs_back_and_has_them_again(say, insert, claim):
    run = claim(insert())
    held = {"run_id": run["id"], "token": run["lease_token"]}
    released = say("release", **held, never_started=False)
    again = claim(released)
    interrupted = {"complete": True, "truncated": False, "events": None, "may_continue_on": []}
    requeued = say("requeue", run_id=run["id"], token=again["lease_token"], **interrupted)

    states = [each["state"] for each in (released, again, requeued)]
    assert states == ["queued", "running", "queued"]


def test_its_runner_and_its_watchdog_are_known(say, conn):
    runner = {"name": "old.1.2", "machine": "old", "boot": "b", "slots": 3, "busy": 0}
    for _ in range(2):
        say("beat", **runner, containment="subreaper")

    assert say("take_watch", holder="old.1.2", lease=30) == 1
    assert conn.execute("SELECT queues FROM runners").fetchall() == [{"queues": ["default"]}]


@pytest.fixture
def of_tomorrow(conn, insert):
    """A queued run of a kind that a version to come has brought, and its migration allows."""
    conn.execute("ALTER TABLE runs DROP CONSTRAINT known_trigger")
    run = insert()
    conn.execute("UPDATE runs SET trigger = 'of tomorrow' WHERE id = %s", [run["id"]])
    return run["id"]


def test_a_run_of_a_kind_to_come_is_found_taken_and_stopped(conn, of_tomorrow):
    held = {"runner": "here.1.2", "machine": "here", "boot": "b", "lease": 30}
    claimed = claims.claim(conn, of_tomorrow, token=uuid4(), **held)
    asked = stops.request_stop(conn, of_tomorrow, by="ada", reason=None, force=False)

    assert (claimed.state, claimed.trigger) == ("running", "other")
    assert asked.stop_requested_by == "ada"
    assert runs.find(conn, of_tomorrow).trigger is Trigger.OTHER


def test_a_runner_plays_and_stops_runs_of_a_kind_to_come(bench, conn, start, playbook):
    """The version before follow-ups was kept from all its runs by one of these."""
    conn.execute("ALTER TABLE runs DROP CONSTRAINT known_trigger")
    url = playbook(playbooks.SLEEPING).url
    queued = [bench.trigger(url) for _ in range(2)]
    conn.execute("UPDATE runs SET trigger = 'of tomorrow' WHERE id = %s", [queued[0].id])
    runner = start()

    for run in queued:
        bench.await_output(run, b"ready")
        bench.stop(run)
        assert bench.await_final(run).state is RunState.STOPPED
        assert bench.family(run) == []
    assert "failed" not in runner.log.read_text()
