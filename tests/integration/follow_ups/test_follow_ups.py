"""What comes after a run: retries and chains, each once; and nothing after what was stopped."""

import pytest

from runner.run import RunState, Trigger
from runner.store import lists
from runner.vault import Vault
from tests.integration.follow_ups.chains import (
    ACCEPTS,
    FAILING,
    SETTING,
    TELLING,
    UNREACHABLE,
    after,
    is_settled,
    newest,
)
from tests.playbooks import SLEEPING
from tests.runners import LOCAL
from tests.waiting import wait_until


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
