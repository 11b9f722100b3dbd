"""What is kept for a while only."""

from dataclasses import replace

import psycopg
import pytest

from runner import retention as module
from runner.run import Trigger
from runner.store import counts, forgetting, runs, statistics, templates
from runner.template import Template
from runner.wanted import Wanted
from tests.aged import TABLES, age, aged, beside, do, ended, keep, kept, retention
from tests.api import TEMPLATE
from tests.runners import SPEC


@pytest.mark.parametrize(
    ("table", "lifetime", "insert"),
    [
        (
            "deliveries",
            "delivery_days",
            """INSERT INTO deliveries (hook, key, decision, why, event, received_at)
               VALUES ('site', %(key)s, 'ignored', 'a test', '{}', now() - %(age)s::interval)""",
        ),
        (
            "audit",
            "audit_days",
            """INSERT INTO audit (actor, action, target, at)
               VALUES ('ada', 'run.stop', %(key)s, now() - %(age)s::interval)""",
        ),
    ],
)
def test_a_batch_of_the_oldest_rows_goes_and_young_ones_stay(
    conn, monkeypatch, table, lifetime, insert
):
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "SHARE", 0.0)  # a batch each round
    column = {"deliveries": "key", "audit": "target"}[table]
    for days in (200, 91, 100, 89, 0):
        conn.execute(insert, {"key": str(days), "age": f"{days} days"})
    keeping = retention(**{lifetime: 90})

    left = []
    for _ in range(3):
        do(conn, keeping.chores())
        rows = conn.execute(f"SELECT {column} AS name FROM {table}").fetchall()
        left.append(sorted(int(row["name"]) for row in rows))

    assert left == [[0, 89, 91], [0, 89], [0, 89]]


def test_sessions_that_are_over_go(conn):
    for session, hours in (("over", -1), ("not yet", 1)):
        conn.execute(
            "INSERT INTO ended_sessions VALUES (%s, now() + make_interval(hours => %s))",
            [session, hours],
        )

    keep(conn)

    assert [row["id"] for row in conn.execute("SELECT id FROM ended_sessions")] == ["not yet"]


def test_unless_told_otherwise_no_run_and_no_entry_of_the_audit_goes(conn):
    run = aged(conn, days=4000)
    conn.execute(
        "INSERT INTO audit (actor, action, target, at) VALUES ('a', 'b', 'c', '2001-01-01')"
    )

    do(conn, module.Retention(module.Lifetimes()).chores())

    assert kept(conn) == [run.id]
    assert conn.execute("SELECT FROM audit").rowcount == 1


def test_runs_that_ended_too_long_ago_go_with_all_that_they_had(conn):
    old = [aged(conn, days=days) for days in (40, 31)]
    young = aged(conn, days=29)
    before = beside(conn, young.id)
    assert before.keys() == set(TABLES)

    keep(conn, run_days=30)

    assert kept(conn) == [young.id]
    assert [beside(conn, run.id) for run in old] == [{}, {}]
    assert beside(conn, young.id) == before
    assert conn.execute("SELECT FROM forgotten").rowcount == 0


def test_of_a_template_the_newest_stay(conn):
    web = [aged(conn, days=1, template="web") for _ in range(5)]
    database = [aged(conn, days=1, template="database") for _ in range(2)]

    keep(conn, run_count=3)

    assert kept(conn) == [run.id for run in (*web[2:], *database)]


def test_what_its_template_says_comes_first(conn):
    for name, said in (
        ("web", {"days": 10}),
        ("database", {"days": 0, "runs": 1}),
        ("ever", {"days": 0}),
        ("rest", None),
    ):
        spec = Template.model_validate({**TEMPLATE, "retention": said}).spec()
        templates.put(conn, name, spec, "ada")
    old = {name: [] for name in ("web", "database", "ever", "rest", "undeclared")}
    for days in (40, 20, 5):
        for name, each in old.items():
            each.append(aged(conn, days=days, template=name))

    keep(conn, run_days=30)

    assert {
        name: [run.id for run in each if run.id in kept(conn)] for name, each in old.items()
    } == {
        "web": [old["web"][2].id],
        "database": [old["database"][2].id],
        "ever": [run.id for run in old["ever"]],
        "rest": [run.id for run in old["rest"][1:]],
        "undeclared": [run.id for run in old["undeclared"][1:]],
    }


def test_statistics_stay_right(conn):
    old = [ended(conn) for _ in range(3)]
    while counts.count(conn):
        pass
    before = statistics.of_template(conn, "deploy", days=1)
    assert before[1].runs == 3
    for run in old:
        age(conn, run, days=40)

    keep(conn, run_days=30)

    assert kept(conn) == []
    assert statistics.of_template(conn, "deploy", days=1) == before


def test_while_many_ends_are_not_counted_counting_comes_first(conn, monkeypatch):
    monkeypatch.setattr(forgetting, "MOST_UNCOUNTED", 2)
    old = aged(conn, days=40)
    for _ in range(2):
        ended(conn)

    keep(conn, run_days=30)
    assert old.id in kept(conn)

    while counts.count(conn):
        pass
    keep(conn, run_days=30)

    assert old.id not in kept(conn)


def test_an_idempotency_key_goes_with_its_run(conn):
    run = aged(conn, days=40, idempotency_key="build-7")
    wanted = Wanted(
        template="deploy", spec=SPEC, trigger=Trigger.API, by="ada", idempotency_key="build-7"
    )
    assert runs.insert(conn, wanted) is None

    keep(conn, run_days=30)

    assert runs.insert(conn, wanted).id > run.id


def test_output_and_events_go_before_their_run(conn):
    old, young = aged(conn, days=40), aged(conn, days=20)
    had = beside(conn, old.id)

    keep(conn, output_days=30)
    told = runs.find(conn, old.id)
    assert (told.output_kept, told.events_kept, told.output_bytes) == ("gone", True, 8)
    assert had.keys() - beside(conn, old.id).keys() == {"run_output"}

    keep(conn, output_days=30, event_days=30)
    told = runs.find(conn, old.id)
    assert (told.output_kept, told.events_kept) == ("gone", False)
    assert beside(conn, old.id).keys() == {
        "run_events",
        "run_hosts",
        "run_host_progress",
        "run_reading",
    }
    assert runs.find(conn, young.id) == young
    assert beside(conn, young.id) == had


def test_a_final_row_is_changed_in_nothing_else(conn):
    run = aged(conn, days=40)
    keep(conn, output_days=30, event_days=30)

    told = runs.find(conn, run.id)
    assert replace(told, output_kept="plain", events_kept=True) == run
    for change in ("output_kept = 'plain'", "events_kept = true", "exit_code = 1"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            conn.execute(f"UPDATE runs SET {change} WHERE id = %s", [run.id])


def test_what_was_deleted_is_counted(conn):
    for _ in range(3):
        aged(conn, days=40)
    keep(conn, run_days=30)
    while counts.count(conn):
        pass

    forgotten = counts.read(conn)["forgotten"]

    assert forgotten[("runs",)] == 3
    assert forgotten[("run_output",)] == 6
    assert forgotten[("run_results",)] == 3


def test_templates_have_their_turns(conn, monkeypatch):
    """However much there is of the first, the second is not forgotten."""
    monkeypatch.setattr(module, "RUNS", 1)
    monkeypatch.setattr(module, "SHARE", 0.0)
    for name in ("a", "b"):
        for _ in range(3):
            aged(conn, days=40, template=name)
    keeping = retention(run_days=30)

    left = []
    for _ in range(8):
        keeping.chores()
        keeping.runs(conn)
        rows = conn.execute("SELECT template FROM runs ORDER BY template").fetchall()
        left.append("".join(row["template"] for row in rows))

    assert left == ["aabbb", "aabb", "aabb", "abb", "ab", "ab", "b", ""]
