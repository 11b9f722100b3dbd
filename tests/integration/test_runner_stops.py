"""A stop stops everything: whenever it comes, whatever runs, none of the family is left."""

import socket

import pytest

from runner.run import RunState, StopOutcome
from tests import playbooks
from tests.runners import THREE
from tests.waiting import wait_until


def stop_and_wait(bench, run, **how):
    """Ask for a stop and wait for the final row; nothing of the family may be there then."""
    bench.stop(run, reason="because", **how)
    final = bench.await_final(run)
    assert bench.family(run) == []
    return final


def assert_stopped(run):
    """Whatever else: it is stopped, and says who and why."""
    assert run.state is RunState.STOPPED
    assert (run.stop_requested_by, run.stop_reason) == ("grace", "because")
    assert "stopped by grace" in run.message
    assert run.survivors == []


def test_a_queued_run_is_stopped_at_once_and_never_starts(bench, start, playbook, tmp_path):
    touch = f"- hosts: all\n  tasks:\n    - file: path={tmp_path}/ran state=touch\n"
    run = bench.trigger(playbook(touch).url)

    stopped = bench.stop(run, reason="because")
    start()
    after = bench.await_final(bench.trigger(f"file://{tmp_path}/repository"))

    assert_stopped(stopped)
    assert stopped.stop_outcome is StopOutcome.NEVER_STARTED
    assert after.state is RunState.SUCCEEDED
    assert bench.find(run) == stopped
    assert [event.kind for event in bench.events(run)] == ["queued", "stopped"]


@pytest.fixture
def silent_server():
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/repository.git"


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_a_hanging_clone_is_stopped(bench, runner, silent_server, force):
    run = bench.trigger(silent_server)
    wait_until(lambda: any("git" in member.command for member in bench.family(run)))
    assert bench.find(run).phase == "preparing"

    final = stop_and_wait(bench, run, force=force)

    assert_stopped(final)
    assert final.stop_seconds < 20


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_a_run_is_stopped_in_its_first_moments(bench, runner, playbook, force):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    wait_until(lambda: bench.find(run).phase == "playing", interval=0.001)

    final = stop_and_wait(bench, run, force=force)

    assert_stopped(final)


@pytest.fixture
def escaping(bench, playbook):
    """Trigger runs that play side by side, each with a family of another kind, until it is there.

    A stop of one must leave the others alone: it is waited for while the next still play.
    """
    files = {f"{escape}.yml": text for escape, text in playbooks.ESCAPING.items()}
    url = playbook(playbooks.HELLO, **files).url
    sources = [{"repository": url, "ref": "main", "path": path} for path in files]
    runs = [
        bench.trigger(url, THREE, playbook=source, options={"forks": 3}, timeout=100)
        for source in sources
    ]
    for run in runs:
        bench.await_output(run, b"ready")
        wait_until(lambda run=run: len(bench.family(run)) >= 7)
    return dict(zip(playbooks.ESCAPING, runs, strict=True))


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_nothing_escapes_a_stop(bench, runner, escaping, force):
    for escape, run in escaping.items():
        assert bench.family(run), escape

        final = stop_and_wait(bench, run, force=force)

        assert_stopped(final)
        assert final.output_complete
        if force:
            assert final.stop_outcome is StopOutcome.KILLED
        signals = [event.detail for event in bench.events(run, "signalled")]
        assert signals[0]["signal"] == ("KILL" if force else "INT"), escape
        assert signals[0]["to"] >= 1, escape
    assert runner.process.poll() is None


def test_a_force_shortens_the_grace_of_a_stop(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.IGNORING).url, grace=300)
    bench.await_output(run, b"ready")
    wait_until(lambda: len(bench.family(run)) >= 5)
    bench.stop(run, reason="because")
    wait_until(lambda: bench.events(run, "signalled"))

    final = stop_and_wait(bench, run, force=True)

    assert_stopped(final)
    assert final.stop_outcome is StopOutcome.KILLED
    assert final.force_requested_by == "grace"


def test_asking_again_changes_nothing(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.IGNORING).url, grace=2)
    bench.await_output(run, b"ready")
    first = bench.stop(run, reason="because")

    assert bench.stop(run, reason="another reason") is None
    final = bench.await_final(run)

    assert final.stop_requested_at == first.stop_requested_at
    assert_stopped(final)
    assert len(bench.events(run, "stop_requested")) == 1


def test_ten_stops_at_once_end_ten_runs(bench, runner, playbook):
    url = playbook(playbooks.SLEEPING).url
    triggered = [bench.trigger(url, timeout=100) for _ in range(10)]
    for run in triggered:
        wait_until(lambda run=run: bench.find(run).phase == "playing")

    for run in triggered:
        bench.stop(run, reason="because")

    for run in triggered:
        assert_stopped(bench.await_final(run))
        assert bench.family(run) == []


def test_a_stop_after_the_end_changes_nothing(bench, runner, playbook):
    final = bench.await_final(bench.trigger(playbook(playbooks.HELLO).url))

    assert bench.stop(final, force=True) is None

    assert bench.find(final) == final


def test_a_stop_is_seen_without_the_bell(bench, runner, playbook, redis):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    redis.close()
    from runner.store import stops

    stops.request_stop(bench.conn, run.id, by="grace", reason="because", force=False)

    assert_stopped(bench.await_final(run))
    assert bench.family(run) == []
