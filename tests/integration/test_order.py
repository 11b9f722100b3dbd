"""Runners take runs in the order that templates ask for, and only those that they shall."""

from datetime import timedelta

from runner.run import RunState, StopOutcome
from runner.store import health, maintenance, runners
from runner.why import why_waiting
from tests import playbooks
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

BRIEF = "- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: played}}]\n"


def grouped(when_busy="queue", limit=1) -> dict:
    return {"concurrency": {"group": "prod", "limit": limit, "when_busy": when_busy}}


def claimed_before_end(bench, first, second) -> bool:
    """Whether the second was claimed before the first was final, by the order of events."""
    (claim,) = bench.events(second, "claimed")
    final = bench.events(first)[-1]
    assert final.state == bench.find(first).state
    return claim.id < final.id


def test_one_of_a_group_starts_when_the_other_has_ended(bench, runner, playbook):
    repository = playbook(SLEEPING).url
    first = bench.trigger(repository, **grouped())
    bench.await_output(first, b"ready")
    second = bench.trigger(repository, **grouped())
    third = bench.trigger(repository, **grouped())
    why = wait_until(lambda: why_waiting(bench.conn, bench.find(third)))
    assert (why.reason, why.behind, why.ahead) == ("group", (first.id, second.id), 2)
    assert bench.find(second).state is RunState.QUEUED

    for run, following in ((first, second), (second, third)):
        bench.stop(run)
        bench.await_output(following, b"ready")
        assert bench.find(run).state is RunState.STOPPED
        assert bench.family(run) == []
        assert not claimed_before_end(bench, run, following)
    bench.stop(third)
    bench.await_final(third)
    assert bench.family(third) == []


def test_replace_starts_when_nothing_of_the_other_is_left(bench, runner, playbook):
    repository = playbook(playbooks.IGNORING).url
    first = bench.trigger(repository, **grouped("replace"))
    wait_until(lambda: any(each.command == "sleep 1" for each in bench.family(first)))
    waits = bench.trigger(repository, **grouped())

    second = bench.trigger(repository, **grouped("replace"))

    bench.await_output(second, b"ready")
    stopped = bench.find(first)
    assert (stopped.state, stopped.stop_outcome) == (RunState.STOPPED, StopOutcome.KILLED)
    assert stopped.stop_reason == f"run {second.id} takes its place"
    assert bench.family(first) == []
    assert not claimed_before_end(bench, first, second)
    assert bench.find(waits).message == f"run {second.id} took its place"
    bench.stop(second, force=True)
    bench.await_final(second)
    assert bench.family(second) == []


def test_of_those_that_wait_only_the_newest_stays(bench, runner, playbook):
    repository = playbook(SLEEPING).url
    running = bench.trigger(repository, **grouped("coalesce"))
    bench.await_output(running, b"ready")

    older, newest = [bench.trigger(repository, **grouped("coalesce")) for _ in range(2)]

    assert bench.find(older).state is RunState.STOPPED
    assert bench.find(running).stop_requested_at is None
    bench.stop(running)
    bench.await_output(newest, b"ready")
    bench.stop(newest)
    bench.await_final(newest)
    assert bench.family(newest) == []


def test_two_of_a_group_that_may_have_two_run_at_once(bench, runner, playbook):
    repository = playbook(SLEEPING).url
    three = [bench.trigger(repository, **grouped(limit=2)) for _ in range(3)]
    for run in three[:2]:
        bench.await_output(run, b"ready")
    assert bench.find(three[2]).state is RunState.QUEUED

    bench.stop(three[0])

    bench.await_output(three[2], b"ready")
    for run in three[1:]:
        bench.stop(run)
        bench.await_final(run)
        assert bench.family(run) == []


def test_the_group_of_a_run_whose_runner_died_goes_on(bench, start, playbook):
    repository = playbook(SLEEPING).url
    first = start(RUNNER_LEASE="3")
    killed = bench.trigger(repository, **grouped())
    bench.await_output(killed, b"ready")
    following = bench.trigger(repository, **grouped())
    first.kill()

    start(RUNNER_LEASE="3")

    bench.await_output(following, b"ready")
    assert bench.find(killed).is_final
    assert bench.family(killed) == []
    bench.stop(following)
    bench.await_final(following)
    assert bench.family(following) == []


def test_what_has_a_higher_priority_is_taken_first(bench, start, playbook):
    repository = playbook(BRIEF).url
    names = ["low", "normal", "high", "low", "high"]
    queued = [(name, bench.trigger(repository, priority=name)) for name in names]

    start(RUNNER_SLOTS="1")

    for _, run in queued:
        bench.await_final(run)
    played = sorted(queued, key=lambda each: bench.find(each[1]).claimed_at)
    assert [name for name, _ in played] == ["high", "high", "normal", "low", "low"]


def test_only_runners_that_serve_its_queue_take_a_run(bench, start, playbook):
    repository = playbook(BRIEF).url
    start()
    inside = bench.trigger(repository, queue="dmz")
    anywhere = bench.trigger(repository)
    bench.await_final(anywhere)
    why = why_waiting(bench.conn, bench.find(inside))
    assert (why.reason, why.message) == ("runner", "no runner serves the queue 'dmz'")

    start(RUNNER_QUEUES="dmz,other")

    assert bench.await_final(inside).state is RunState.SUCCEEDED
    assert bench.find(inside).runner != bench.find(anywhere).runner


def test_a_queue_that_nobody_serves_is_left_after_its_time(bench, start, playbook):
    start(RUNNER_LEASE="3")
    run = bench.trigger(playbook(BRIEF).url, queue="dmz", queue_timeout=2)

    ended = bench.await_final(run)

    assert ended.state is RunState.FAILED
    assert bench.family(run) == []


def test_a_queue_that_redis_has_forgotten_is_made_up_for(bench, start, playbook):
    """The runs of each queue and priority are put where they belong, and none that must wait."""
    repository = playbook(BRIEF).url
    behind = bench.trigger(repository, queue="dmz", priority="high", **grouped())
    later = bench.trigger(repository, queue="dmz", priority="low", **grouped())
    bench.redis.flushdb()

    start(RUNNER_QUEUES="dmz", RUNNER_LEASE="3")

    for run in (behind, later):
        assert bench.await_final(run).state is RunState.SUCCEEDED
    assert not claimed_before_end(bench, behind, later)


def test_nothing_is_taken_while_all_is_paused(bench, runner, playbook):
    repository = playbook(SLEEPING).url
    running = bench.trigger(repository)
    bench.await_output(running, b"ready")
    maintenance.pause(bench.conn, by="ada", reason="new disks")

    waits = bench.trigger(repository)

    why = why_waiting(bench.conn, bench.find(waits))
    assert why.reason == "maintenance"
    assert "new disks" in why.message
    # It is offered to the runner, which leaves it; what is running goes on, and is stopped.
    wait_until(lambda: bench.redis.llen("rq:queue:curtain-runs") == 1)
    bench.stop(running)
    bench.await_final(running)
    assert bench.find(waits).state is RunState.QUEUED
    assert bench.events(waits, "claimed") == []

    maintenance.resume(bench.conn)

    bench.await_output(waits, b"ready")
    bench.stop(waits)
    bench.await_final(waits)
    assert bench.family(waits) == []


def has_beaten_since(bench, name) -> bool:
    """Whether a runner has looked at what it is told since it was drained: with each beat."""
    [row] = [each for each in runners.alive(bench.conn) if each["name"] == name]
    return row["beat_at"] > row["drained_at"] + timedelta(seconds=1)


def test_a_drained_runner_takes_no_more_and_keeps_what_it_has(bench, start, playbook):
    repository = playbook(SLEEPING).url
    start(RUNNER_LEASE="3")
    running = bench.trigger(repository)
    bench.await_output(running, b"ready")
    drained = bench.find(running).runner
    assert runners.drain(bench.conn, drained, by="ada", reason="it leaves")
    start()
    wait_until(lambda: len(runners.alive(bench.conn)) == 2)
    wait_until(lambda: has_beaten_since(bench, drained))
    others = [bench.trigger(repository) for _ in range(4)]

    for run in others:
        bench.await_output(run, b"ready")
        assert bench.find(run).runner != drained
    assert bench.find(running).state is RunState.RUNNING
    for run in (running, *others):
        bench.stop(run)
        bench.await_final(run)
        assert bench.family(run) == []


def test_a_runner_without_memory_leaves_runs_to_others(bench, start, playbook):
    start(RUNNER_RUN_MEMORY="1000000", RUNNER_LEASE="3")  # a TB
    run = bench.trigger(playbook(BRIEF).url)
    wait_until(
        lambda: [each["short_of_memory"] for each in runners.alive(bench.conn)] == [True],
    )
    why = why_waiting(bench.conn, bench.find(run))
    assert (why.reason, why.message) == ("slot", "the runners that serve it are short of memory")
    assert bench.events(run, "claimed") == []

    start()

    assert bench.await_final(run).state is RunState.SUCCEEDED


def test_a_runner_without_git_says_so(bench, start, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()

    runner = start(PATH=str(programs))

    wait_until(lambda: [each["missing"] for each in runners.alive(bench.conn)] == [["git"]])
    assert health.read(bench.conn).missing == ["git"]
    assert "there is no git" in runner.log.read_text()
