"""What is kept for a while only."""

import threading
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from runner import retention as module
from runner.run import Trigger
from runner.store import claims, counts, forgetting, runs, statistics, templates
from runner.template import Template
from runner.wanted import Wanted
from tests.aged import TABLES, age, aged, beside, do, ended, keep, kept, retention
from tests.api import TEMPLATE
from tests.playbooks import HELLO
from tests.runners import SPEC
from tests.waiting import wait_until


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


def test_no_run_goes_that_waits_or_plays(conn):
    waiting = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    playing = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    claim = {"runner": "r", "machine": "m", "boot": "b", "token": "0" * 32, "lease": 60.0}
    claims.claim(conn, playing.id, **claim)
    conn.execute("UPDATE runs SET queued_at = now() - interval '1 year'")
    keep(conn, run_days=1, run_count=1, output_days=1, event_days=1, compress_days=1)

    assert kept(conn) == [waiting.id, playing.id]
    assert {runs.find(conn, run_id).output_kept for run_id in kept(conn)} == {"plain"}


def rerun_lives(conn, run):
    again = Wanted(template="deploy", spec=SPEC, trigger=Trigger.RERUN, by="ada", rerun_of=run.id)
    return runs.insert(conn, again), "UPDATE runs SET rerun_of = NULL WHERE id <> %s"


def is_to_be_told(conn, run):
    conn.execute(
        """INSERT INTO notifications (event_id, run_id, occasion, target)
           SELECT min(id), run_id, 'succeeded', 0 FROM run_events WHERE run_id = %s
            GROUP BY run_id""",
        [run.id],
    )
    return None, "UPDATE notifications SET state = 'sent', sent_at = now() WHERE run_id = %s"


def is_not_counted(conn, run):
    conn.execute("INSERT INTO uncounted (name, run_id) VALUES ('ended', %s)", [run.id])
    return None, "DELETE FROM uncounted WHERE run_id = %s"


def is_of_before(conn, run):
    conn.execute("UPDATE old_runs SET next_id = 1, until_id = %s", [run.id])
    return None, "UPDATE old_runs SET next_id = until_id + %s"


@pytest.mark.parametrize("is_needed", [rerun_lives, is_to_be_told, is_not_counted, is_of_before])
def test_no_run_goes_that_is_needed_and_the_others_do(conn, is_needed):
    needed, other = aged(conn, days=40), aged(conn, days=39)
    live, release = is_needed(conn, needed)
    if is_needed is is_of_before:
        conn.execute("UPDATE old_runs SET until_id = %s", [needed.id])

    keep(conn, run_days=30, run_count=1)

    assert needed.id in kept(conn)
    assert other.id not in kept(conn)

    conn.execute(release, [live.id if live and "<>" not in release else needed.id])
    keep(conn, run_days=30)

    assert needed.id not in kept(conn)


def test_a_run_that_left_jobs_running_stays_for_a_month(conn):
    """Whoever finds a family without a row ends it."""
    runs_with_jobs = [aged(conn, days=days) for days in (31, 29)]
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("UPDATE runs SET left_running = %s", [Jsonb([{"pid": 7}])])

    keep(conn, run_days=1)

    assert kept(conn) == [runs_with_jobs[1].id]


def test_a_run_that_has_just_ended_stays_however_many_there_are(conn):
    """Whoever waited for its end still asks how it went."""
    fresh = [ended(conn) for _ in range(3)]
    while counts.count(conn):
        pass

    keep(conn, run_count=1)
    assert kept(conn) == [run.id for run in fresh]

    for run in fresh:
        age(conn, run, days=0.1)
    keep(conn, run_count=1)

    assert kept(conn) == [fresh[2].id]


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


def test_a_row_that_somebody_has_locked_is_passed_over(conn, database_url):
    """As one that a new key encrypts anew; it goes when it is free."""
    old = [aged(conn, days=days) for days in (50, 40, 35)]
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [old[0].id])

        keep(conn, run_days=30)

        assert kept(conn) == [old[0].id]
        assert beside(conn, old[1].id) == {}

    keep(conn, run_days=30)

    assert kept(conn) == []


@pytest.mark.parametrize("table", ["run_output", "run_results"])
def test_a_table_that_somebody_has_locked_stops_nothing_else(conn, database_url, table):
    old = aged(conn, days=40)
    conn.execute(
        """INSERT INTO audit (actor, action, target, at) VALUES ('a', 'b', 'c', '2001-01-01')"""
    )
    with psycopg.connect(database_url) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

        keep(conn, run_days=30, audit_days=30)

        assert kept(conn) == []
        assert conn.execute("SELECT FROM audit").rowcount == 0
        other.rollback()
        assert table in beside(conn, old.id)

    keep(conn, run_days=30)

    assert beside(conn, old.id) == {}


def test_of_a_large_run_a_batch_goes_at_a_time_and_nobody_sees_the_rest(conn, monkeypatch):
    place = forgetting.PARTS["output"]._replace(rows=3)
    monkeypatch.setattr(forgetting, "PARTS", {"output": place})
    monkeypatch.setattr(module, "SHARE", 0.0)
    run = aged(conn, days=40, parts=tuple(b"%d\n" % number for number in range(10)))
    keeping = retention(run_days=30)

    left = []
    for _ in range(6):
        do(conn, keeping.chores())
        assert runs.find(conn, run.id) is None
        left.append(beside(conn, run.id).get("run_output", 0))

    assert left == [10, 7, 4, 1, 0, 0]


def test_a_claim_and_a_stop_wait_for_no_batch(conn, database_url):
    """The batch is held open: what it has locked is in nobody's way."""
    aged(conn, days=40)
    queued = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    with psycopg.connect(database_url, row_factory=dict_row) as batch:
        assert forgetting.forget_aged(batch, "deploy", days=30, limit=100) == 1
        conn.execute("SET statement_timeout = 2000")

        again = Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a")
        claim = {"runner": "r", "machine": "m", "boot": "b", "token": "0" * 32, "lease": 60.0}
        assert claims.claim(conn, queued.id, **claim) is not None
        assert runs.insert(conn, again) is not None
        assert len(kept(conn)) == 3


def test_two_who_forget_at_once_share_the_work(conn, database_url):
    old = [aged(conn, days=40) for _ in range(4)]
    with psycopg.connect(database_url, row_factory=dict_row) as batch:
        assert forgetting.forget_aged(batch, "deploy", days=30, limit=2) == 2

        assert forgetting.forget_aged(conn, "deploy", days=30, limit=100) == 2

    assert kept(conn) == []
    assert conn.execute("SELECT FROM forgotten").rowcount == 3 * len(old)


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


def test_a_watchdog_does_it_in_its_rounds(bench, start, conn, playbook):
    repository = playbook(HELLO)
    old = [aged(conn, days=40) for _ in range(3)]
    live = start(RUNNER_LEASE="3", CURTAIN_RUN_DAYS="30", CURTAIN_COMPRESS_DAYS="1")
    run = bench.trigger(repository.url)

    wait_until(
        lambda: kept(conn) == [run.id] and conn.execute("SELECT FROM forgotten").rowcount == 0,
    )
    assert [beside(conn, each.id) for each in old] == [{}, {}, {}]
    assert bench.await_final(run, 60).state == "succeeded"
    live.terminate()


def test_a_chore_ends_soon_though_all_is_locked(conn, database_url):
    aged(conn, days=40)
    done = threading.Event()
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE runs, run_output, forgotten IN ACCESS EXCLUSIVE MODE")

        def work():
            with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as mine:
                keep(mine, rounds=1, run_days=1, output_days=1, event_days=1, compress_days=1)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert done.wait(60)  # it gave up while the lock was still held
        thread.join()
    assert len(kept(conn)) == 1
