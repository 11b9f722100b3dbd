"""What comes after a run: retries and chains, each once; and nothing after what was stopped."""

import threading
from uuid import uuid4

import pytest

from runner.follow import DEEPEST
from runner.follow_ups import FollowUps
from runner.judge import Verdict
from runner.run import Run, RunState, Trigger
from runner.store import claims, follow_ups, lists, moves, order, templates, verdicts
from runner.store.connection import Line, connect
from runner.template import Template
from runner.vault import Vault
from tests.playbooks import SLEEPING
from tests.repositories import make_repository
from tests.runners import LOCAL
from tests.waiting import wait_until

FAILING = "- hosts: all\n  gather_facts: false\n  tasks: [{fail: {msg: no}}]\n"
UNREACHABLE = """
- hosts: all
  gather_facts: false
  tasks:
    - ping:
"""
SETTING = """
- hosts: all
  gather_facts: false
  tasks:
    - set_stats:
        data: {version: "1.2", count: 3, other: dropped, password: from-stats,
               token: "{{ secret | default('none') }}"}
"""
TELLING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug:
        msg: "version {{ version }} count {{ count }} fixed {{ fixed }} {{ other | default('-') }}"
"""
PLACE = {"runner": "r", "machine": "m", "boot": "b"}
ACCEPTS = {
    "version": {"type": "string"},
    "count": {"type": "integer"},
    "fixed": {"type": "string"},
    "token": {"type": "string"},
    "password": {"type": "string", "secret": True},
}


@pytest.fixture
def declare(bench, tmp_path):
    """Declare a template as the API does."""

    def declare_one(name: str, text: str, inventory: str = LOCAL, **spec) -> dict:
        repository = make_repository(tmp_path / name, {"site.yml": text}).url
        place = {"repository": repository, "ref": "main", "path": "site.yml"}
        whole = {"playbook": place, "inventory": {"content": inventory}, "grace": 1, **spec}
        stored = Template.model_validate(whole).spec()
        templates.put(bench.conn, name, stored, "ada")
        return stored

    return declare_one


@pytest.fixture
def run_it(bench):
    """Trigger a declared template."""

    def run_one(name: str, **more) -> Run:
        spec = dict(templates.find(bench.conn, name).spec)
        place = spec.pop("playbook")
        inventory = spec.pop("inventory")
        return bench.trigger(
            place["repository"], inventory, template=name, playbook=place, **spec, **more
        )

    return run_one


def newest(bench, template: str) -> Run | None:
    found = lists.page(bench.conn, limit=1, template=template)
    return found[0] if found else None


def after(bench, run: Run) -> list[str]:
    """What the run's history tells of what came after its end."""
    kinds = ("retried", "not_retried", "chained", "not_chained")
    return [event.kind for event in bench.events(run) if event.kind in kinds]


def is_settled(bench) -> bool:
    return follow_ups.first_due(bench.conn) is None


def test_what_failed_is_tried_again_so_often_and_each_is_a_run(bench, runner, declare, run_it):
    declare("flaky", FAILING, retry={"times": 2, "delay": 0, "on": ["failed"]})
    first = run_it("flaky")

    last = wait_until(
        lambda: (run := newest(bench, "flaky")).retry_number == 2 and run.is_final and run
    )

    wait_until(lambda: is_settled(bench))
    third, second, one = lists.page(bench.conn, limit=5, template="flaky")
    assert [run.id for run in (third, one)] == [last.id, first.id]
    assert (second.retry_of, second.retry_number, second.rerun_of) == (first.id, 1, first.id)
    assert (third.retry_of, third.retry_number, third.rerun_of) == (first.id, 2, second.id)
    assert {run.state for run in (one, second, third)} == {RunState.FAILED}
    assert second.trigger is Trigger.RETRY
    assert second.playbook_sha == one.playbook_sha
    assert [after(bench, run) for run in (one, second, third)] == [["retried"], ["retried"], []]
    assert bench.family(third) == []


def test_only_what_it_is_for_is_tried_again_and_only_where_it_failed(
    bench, runner, declare, run_it
):
    lost = "away ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh\n"
    retry = {"delay": 0, "on": ["unreachable"], "hosts": "failed"}
    declare("reaching", UNREACHABLE, LOCAL + lost, retry=retry)
    declare("failing", FAILING, retry=retry)

    away, failed = run_it("reaching"), run_it("failing")

    again = wait_until(lambda: (run := newest(bench, "reaching")).retry_of and run.is_final and run)
    bench.await_final(failed)
    wait_until(lambda: is_settled(bench))
    assert (again.retry_of, again.only_hosts) == (away.id, ["away"])
    assert newest(bench, "failing").id == failed.id


def test_a_retry_waits_its_time_and_can_be_stopped_meanwhile(bench, runner, declare, run_it):
    declare("flaky", FAILING, retry={"delay": 3600, "on": ["failed"]})
    run_it("flaky")
    again = wait_until(lambda: (run := newest(bench, "flaky")).retry_of and run)
    assert again.state is RunState.QUEUED
    assert again.not_before > again.queued_at

    bench.stop(again)

    stopped = bench.await_final(again)
    assert (stopped.state, stopped.attempt) == (RunState.STOPPED, 0)
    assert after(bench, again) == []


def test_what_comes_then_is_run_with_what_was_set(bench, runner, declare, run_it):
    declare("told", TELLING, accepts=ACCEPTS)
    declare("never", TELLING, accepts=ACCEPTS)
    then = [
        {"template": "told", "vars": {"fixed": "yes", "version": "2.0"}},
        {"template": "never", "when": "failed"},
    ]
    declare("first", SETTING, then=then)

    vault = Vault(bench.environ["CURTAIN_SECRET_KEY"])
    first = run_it("first", secrets=vault.seal({"secret": "hush-hush"}))

    following = wait_until(lambda: (run := newest(bench, "told")) and run.is_final and run)
    wait_until(lambda: is_settled(bench))
    assert (following.state, following.chained_from) == (RunState.SUCCEEDED, first.id)
    assert (following.trigger, following.triggered_by) == (Trigger.CHAIN, "ada")
    # The entry's own value counts more; what is not accepted, or secret, is not handed on.
    given = {"version": "2.0", "count": 3, "fixed": "yes", "token": "********"}
    assert following.accepted == given
    assert following.secrets is None
    assert b"version 2.0 count 3 fixed yes -" in bench.output(following)
    assert newest(bench, "never") is None
    assert after(bench, first) == ["chained"]


def test_what_comes_after_a_failure(bench, runner, declare, run_it):
    declare("tidy", TELLING.replace("version", "x").split("tasks")[0])
    declare("good", TELLING, accepts=ACCEPTS)
    then = [{"template": "tidy", "when": "always"}, {"template": "good"}]
    declare("first", FAILING, then=then)

    first = run_it("first")

    following = wait_until(lambda: (run := newest(bench, "tidy")) and run.is_final and run)
    wait_until(lambda: is_settled(bench))
    assert following.chained_from == first.id
    assert newest(bench, "good") is None


@pytest.mark.parametrize("is_retried", [False, True])
def test_nothing_comes_after_what_somebody_has_stopped(bench, runner, declare, run_it, is_retried):
    retry = {"retry": {"delay": 0, "on": ["failed", "interrupted"]}} if is_retried else {}
    declare("tidy", FAILING)
    declare("first", SLEEPING, then=[{"template": "tidy", "when": "always"}], **retry)
    first = run_it("first")
    bench.await_output(first, b"ready")

    bench.stop(first)

    assert bench.await_final(first).state is RunState.STOPPED
    wait_until(lambda: is_settled(bench))
    assert newest(bench, "tidy") is None
    assert newest(bench, "first").id == first.id
    assert bench.family(first) == []


def test_what_cannot_come_then_is_told_of(bench, runner, declare, run_it):
    declare("picky", TELLING, accepts={"fixed": {"type": "string", "required": True}})
    then = [{"template": "nowhere", "when": "always"}, {"template": "picky", "when": "always"}]
    declare("first", FAILING, then=then)

    first = run_it("first")

    wait_until(lambda: len(after(bench, first)) == 2)
    told = [event.detail for event in bench.events(first, "not_chained")]
    assert told[0] == {"template": "nowhere", "why": "template there is no template 'nowhere'"}
    assert told[1]["why"] == "vars.fixed is required"


# Without a runner: how the work is shared, and what a fault leaves


@pytest.fixture
def make(bench, redis):
    """Whoever does what comes after runs."""
    lines = []

    def make_one() -> FollowUps:
        lines.append(Line(bench.environ["DATABASE_URL"]))
        vault = Vault(bench.environ["CURTAIN_SECRET_KEY"])
        return FollowUps(f"one-{len(lines)}", vault, redis, lines[-1])

    yield make_one
    for line in lines:
        line.conn().close()


def end(bench, run: Run, state: RunState = RunState.SUCCEEDED) -> None:
    """Let a run end."""
    claimed = claims.claim(bench.conn, run.id, **PLACE, token=uuid4(), lease=60)
    verdict = Verdict(state=state, message="", exit_code=0)
    assert moves.finish(bench.conn, claimed, verdict, actor="r", complete=True, truncated=False)


def all_at_once(workers: list[FollowUps]) -> None:
    """Let all do what there is, begun in the same moment."""
    barrier = threading.Barrier(len(workers))

    def work(worker: FollowUps) -> None:
        barrier.wait(60)
        while worker.follow_up():
            pass

    threads = [threading.Thread(target=work, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


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


def test_a_circle_has_an_end(bench, declare, run_it, make):
    declare("round", FAILING, then=[{"template": "round"}])
    run_it("round")
    worker = make()
    for _ in range(DEEPEST):
        end(bench, newest(bench, "round"))
        assert worker.follow_up()
    last = newest(bench, "round")
    assert last.chain_depth == DEEPEST

    end(bench, last)
    assert worker.follow_up()

    assert newest(bench, "round").id == last.id
    assert "have started each other" in bench.events(last, "not_chained")[0].detail["why"]


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


@pytest.mark.parametrize(
    ("when_busy", "action", "kind"),
    [("coalesce", "supersede", "superseded"), ("replace", "replace", "replaced")],
)
def test_what_gives_a_chained_run_its_place_is_audited(
    bench, declare, run_it, make, when_busy, action, kind
):
    group = {"group": "prod", "when_busy": when_busy}
    declare("held", FAILING, concurrency=group)
    declare("first", FAILING, then=[{"template": "held"}])
    older = run_it("held")
    if when_busy == "replace":
        assert claims.claim(bench.conn, older.id, **PLACE, token=uuid4(), lease=60)
    first = run_it("first")
    end(bench, first)

    assert make().follow_up()

    newer = newest(bench, "held")
    assert newer.chained_from == first.id
    assert bench.find(older).is_stopping or bench.find(older).state is RunState.STOPPED
    audited = bench.conn.execute(
        "SELECT actor, target, template, address, detail FROM audit WHERE action = %s",
        [f"run.{action}"],
    ).fetchall()
    assert audited == [
        {
            "actor": newer.triggered_by,
            "target": f"run {older.id}",
            "template": "held",
            "address": None,
            "detail": {f"{kind}_by": newer.id},
        }
    ]


@pytest.mark.parametrize("when_busy", ["coalesce", "replace"])
def test_a_retry_takes_the_place_of_nothing_newer(bench, declare, run_it, make, when_busy):
    group = {"group": "prod", "when_busy": when_busy}
    declare("flaky", FAILING, concurrency=group, retry={"delay": 0, "on": ["failed"]})
    older = run_it("flaky")
    end(bench, older, RunState.FAILED)
    newer = run_it("flaky")
    assert claims.claim(bench.conn, newer.id, **PLACE, token=uuid4(), lease=60)
    declare("waits", FAILING, concurrency={"group": "prod"})
    waiting = run_it("waits")

    assert make().follow_up()

    assert not bench.find(newer).is_stopping
    assert bench.find(waiting).state is RunState.QUEUED
    assert newest(bench, "flaky").id == newer.id
    why = bench.events(older, "not_retried")[0].detail["why"]
    assert f"run {newer.id}" in why


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.SUCCEEDED, RunState.LOST])
def test_nothing_comes_after_a_stop_that_was_too_late(bench, declare, run_it, make, state):
    declare("tidy", FAILING)
    then = [{"template": "tidy", "when": "always"}]
    declare("first", FAILING, then=then, retry={"delay": 0, "on": ["failed"]})
    run = run_it("first")
    claimed = claims.claim(bench.conn, run.id, **PLACE, token=uuid4(), lease=60)
    assert bench.stop(run).is_stopping

    verdict = Verdict(state=state, message="", exit_code=2)
    moves.finish(bench.conn, claimed, verdict, actor="r", complete=True, truncated=False)

    assert make().follow_up()
    assert newest(bench, "first").id == run.id
    assert newest(bench, "tidy") is None
    assert after(bench, run) == []


def test_what_nobody_took_is_not_tried_again(bench, declare, run_it, make):
    declare("late", FAILING, queue_timeout=1, retry={"delay": 0, "on": ["failed"]})
    run = run_it("late")
    bench.conn.execute("UPDATE runs SET queue_expires_at = now() - interval '1 s'")
    verdicts.expire(bench.conn, actor="w")

    assert bench.find(run).state is RunState.FAILED
    assert make().follow_up()
    assert newest(bench, "late").id == run.id


def test_a_chain_that_branches_has_an_end(bench, declare, run_it, make, monkeypatch):
    monkeypatch.setattr("runner.follow.MOST", 10)
    declare("round", FAILING, then=[{"template": "round"}] * 3)
    run_it("round")
    worker = make()
    while waiting := lists.page(bench.conn, limit=50, states=[RunState.QUEUED]):
        for run in waiting:
            end(bench, run)
        while worker.follow_up():
            pass

    assert len(lists.page(bench.conn, limit=50, template="round")) == 11
