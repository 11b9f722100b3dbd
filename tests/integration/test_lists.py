"""A list of runs has all that was asked for and nothing else, whatever was asked for."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.run import RunState, Trigger
from runner.store import lists
from tests.ended import end

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
RUNS = 400
TEMPLATES = ("a", "b", "c", "rare")
INSERT = """
    INSERT INTO runs (template, spec, trigger, triggered_by, state, phase, queued_at, finished_at,
                      output_complete, stop_requested_at, lease_token, lease_expires_at, rerun_of)
    VALUES (%(template)s, '{}', %(trigger)s, 'ada', %(state)s,
            CASE WHEN %(state)s = 'running' THEN 'playing' END, %(at)s,
            CASE WHEN %(final)s THEN now() END, CASE WHEN %(final)s THEN true END,
            CASE WHEN %(state)s = 'stopped' THEN now() END,
            CASE WHEN %(state)s = 'running' THEN gen_random_uuid() END,
            CASE WHEN %(state)s = 'running' THEN now() END,
            CASE WHEN %(trigger)s = 'rerun' THEN %(rerun_of)s::bigint END)
    RETURNING id"""

states = st.lists(st.sampled_from(list(RunState)), max_size=3)
templates = st.one_of(st.none(), st.sampled_from([*TEMPLATES, "unknown"]))
among = st.one_of(st.none(), st.lists(st.sampled_from([*TEMPLATES, "unknown"]), max_size=3))
TRIGGERS = [each for each in Trigger if each is not Trigger.OTHER]  # which is never stored
triggers = st.one_of(st.none(), st.sampled_from(TRIGGERS))
times = st.one_of(
    st.none(), st.integers(-100, RUNS * 60 + 100).map(lambda s: BEGIN + timedelta(seconds=s))
)


@pytest.fixture(params=[1500, 0], ids=["almost in order", "in order"])
def known(conn, request):
    """Runs, one each minute, whose times are in the order of ids or so many seconds off."""
    chance = random.Random(7)
    rows = []
    for n in range(RUNS):
        state = chance.choices(list(RunState), (2, 1, 30, 10, 5, 2, 2, 1))[0]
        values = {
            "template": chance.choices(TEMPLATES, (60, 30, 10, 1))[0],
            "trigger": chance.choice(TRIGGERS) if n else Trigger.API,
            "state": state,
            "final": state.is_final,
            "at": BEGIN + timedelta(minutes=n, seconds=chance.uniform(-1, 1) * request.param),
            "rerun_of": chance.randint(max(1, n - 3), max(1, n)),
        }
        rows.append({**values, "id": conn.execute(INSERT, values).fetchone()["id"]})
    conn.execute("ANALYZE runs")
    return rows[::-1]


def test_a_page_is_what_a_look_at_each_run_finds(conn, known):
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        states=states,
        template=templates,
        among=among,
        trigger=triggers,
        rerun_of=st.one_of(st.none(), st.integers(1, RUNS)),
        since=times,
        until=times,
        before=st.one_of(st.none(), st.integers(1, RUNS + 5)),
        limit=st.integers(1, 60),
    )
    def check(limit, **asked):
        found = lists.page(conn, limit=limit, **asked)

        assert [run.id for run in found] == [
            row["id"] for row in known if is_asked_for(row, **asked)
        ][:limit]

    check()


def is_asked_for(row, *, states, template, among, trigger, rerun_of, since, until, before):
    """Whether a list should have this row."""
    return all(
        (
            not states or row["state"] in states,
            template is None or row["template"] == template,
            among is None or row["template"] in among,
            trigger is None or row["trigger"] == trigger,
            rerun_of is None or (row["trigger"] == "rerun" and row["rerun_of"] == rerun_of),
            since is None or row["at"] >= since,
            until is None or row["at"] < until,
            before is None or row["id"] < before,
        )
    )


def test_what_is_rare_is_found_without_a_look_at_the_rest(conn):
    for template, state, count in (
        ("rare", "lost", 2),
        ("a", "failed", 5),
        ("a", "succeeded", 20_000),
    ):
        end(conn, state, template=template, count=count, days_ago=count // 100)
    conn.execute("ANALYZE runs")
    for asked in (
        {"states": [RunState.LOST]},
        {"states": [RunState.FAILED, RunState.LOST], "trigger": Trigger.CHAT},
        {"trigger": Trigger.RERUN},
        {"template": "rare"},
        {"template": "rare", "states": [RunState.FAILED]},
        {"template": "a", "trigger": Trigger.CHAT},
        {"among": ["rare", "c"], "trigger": Trigger.API},
        {"until": datetime.now(UTC) - timedelta(days=2)},
        {"rerun_of": 3},
    ):
        assert rows_looked_at(conn, asked) <= 7, asked


def rows_looked_at(conn, asked):
    """How many rows are read for a page of ten and not shown."""
    told = []

    class Explaining:
        transaction = conn.transaction

        def execute(self, text, values=None, **options):
            if "%(limit)s" in text:
                explained = conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values)
                told.extend(removed(explained.fetchone()["QUERY PLAN"][0]["Plan"]))
            return conn.execute(text, values, **options)

    lists.page(Explaining(), limit=10, **asked)
    return sum(told)


def removed(plan):
    """How many rows each node has read for nothing."""
    yield plan.get("Rows Removed by Filter", 0) * plan.get("Actual Loops", 1)
    for below in plan.get("Plans", ()):
        yield from removed(below)
