"""What comes after a run is done once, whoever does it, whatever fails; without a runner."""

from runner.store import follow_ups, lists, order
from runner.store.connection import connect
from tests.integration.follow_ups.chains import ACCEPTS, FAILING, TELLING, all_at_once, end, newest


def test_however_many_do_it_it_is_done_once(bench, declare, run_it, make):
    declare("next", TELLING, accepts=ACCEPTS)
    declare("first", FAILING, then=[{"template": "next"}])
    for _ in range(10):
        end(bench, run_it("first"))
    all_at_once([make() for _ in range(6)])

    made = lists.page(bench.conn, limit=50, template="next")
    assert sorted(run.chained_from for run in made) == sorted(
        run.id for run in lists.page(bench.conn, limit=50, template="first")
    )


def test_chains_that_want_the_same_groups_crosswise_do_not_wait_for_each_other(
    bench, declare, run_it, make
):
    for name in "ab":
        declare(name, FAILING, concurrency={"group": name, "when_busy": "coalesce"})
    for names in ("ab", "ba"):
        declare(names, FAILING, then=[{"template": name} for name in names])
    for _ in range(15):
        end(bench, run_it("ab"))
        end(bench, run_it("ba"))
    all_at_once([make() for _ in range(4)])

    left = bench.conn.execute("SELECT run_id FROM follow_ups").fetchall()
    assert left == []  # none was put off


def test_what_dies_in_the_middle_is_done_by_another(bench, declare, run_it, make, monkeypatch):
    declare("next", TELLING, accepts=ACCEPTS)
    declare("first", FAILING, then=[{"template": "next"}, {"template": "next"}])
    run = run_it("first")
    end(bench, run)
    noted = []

    def die_at_the_second(*given):
        noted.append(given)
        if len(noted) == 2:
            raise MemoryError
        return note(*given)

    note = follow_ups.note
    monkeypatch.setattr("runner.follow_ups.follow_ups.note", die_at_the_second)
    assert make().follow_up()
    monkeypatch.undo()
    assert newest(bench, "next") is None
    bench.conn.execute("UPDATE follow_ups SET due_at = now()")

    assert make().follow_up()

    assert len(lists.page(bench.conn, limit=9, template="next")) == 2


def test_what_takes_too_long_keeps_nothing_else_from_being_done(
    bench, declare, run_it, make, database_url
):
    group = {"group": "prod", "when_busy": "coalesce"}
    declare("next", FAILING)
    declare("held", FAILING, concurrency=group)
    declare("first", FAILING, then=[{"template": "held"}])
    declare("second", FAILING, then=[{"template": "next"}])
    for name in ("first", "second"):
        end(bench, run_it(name))
    worker = make()
    # As long as the server lets any of ours take, but sooner.
    worker._line.conn().execute("SET statement_timeout = '500ms'")

    with connect(database_url) as own, own.transaction():
        order.lock_group(own, "prod")
        assert worker.follow_up()
        assert worker.follow_up()

    assert newest(bench, "held") is None
    assert newest(bench, "next") is not None
    bench.conn.execute("UPDATE follow_ups SET due_at = now()")
    assert worker.follow_up()
    assert newest(bench, "held") is not None
