"""How runs end by themselves: the right state, exit code and reason, and a runner that lives on."""

from runner.run import RunState
from tests import playbooks
from tests.left import left_directories
from tests.runners import LOCAL

UNREACHABLE = "ghost ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh\n"


#: Of each playbook: where it plays, how it ends, and what is said of that.
ENDS = {
    "success": (playbooks.HELLO, LOCAL, RunState.SUCCEEDED, 0, "ended well"),
    "failing task": (playbooks.FAILING, LOCAL, RunState.FAILED, 2, "a task failed"),
    "unreachable host": (
        playbooks.HELLO.replace("debug: msg=", "command: "),
        UNREACHABLE,
        RunState.FAILED,
        4,
        "unreachable",
    ),
    "unknown module": (
        playbooks.SYNTAX_ERROR,
        LOCAL,
        RunState.FAILED,
        4,
        "couldn't resolve module",
    ),
    "not YAML": (playbooks.NOT_YAML, LOCAL, RunState.FAILED, 4, "not valid"),
}


def test_an_end_is_told_as_ansible_means_it(bench, runner, playbook):
    files = {f"{name}.yml": text for name, (text, *_) in ENDS.items()}
    there = {"repository": playbook(playbooks.HELLO, **files).url, "ref": "main"}
    runs = {
        name: bench.trigger("", inventory, playbook={**there, "path": f"{name}.yml"})
        for name, (_, inventory, *_) in ENDS.items()
    }

    for name, (*_, state, exit_code, reason) in ENDS.items():
        run = bench.await_final(runs[name])
        assert (run.state, run.exit_code) == (state, exit_code), name
        assert reason in run.message
        assert run.output_complete, name
        assert bench.output(run), name
        assert bench.family(run) == [], name
    assert runner.process.poll() is None


#: What of a source is not there, and what is said of that.
MISSING = [
    ({"playbook": {"path": "none.yml"}}, "no 'none.yml' in"),
    ({"playbook": {"ref": "nowhere"}}, "nowhere"),
    ({"playbook": {"repository": "file:///nonexistent/repository"}}, "repository"),
    ({"inventory": {"path": "inventories/none"}}, "no 'inventories/none' in"),
]


def test_what_is_missing_fails_the_run_by_name(bench, runner, playbook):
    url = playbook(playbooks.HELLO).url
    there = {"repository": url, "ref": "main", "path": "site.yml"}
    runs = [
        bench.trigger(url, **source | {"playbook": there | source.get("playbook", {})})
        for source, _ in MISSING
    ]

    for run, (_, reason) in zip(map(bench.await_final, runs), MISSING, strict=True):
        assert (run.state, run.exit_code) == (RunState.FAILED, None), reason
        assert reason in run.message
        assert bench.output(run) == b"", reason
    assert runner.process.poll() is None


def test_a_runner_without_ansible_says_so(bench, start, playbook):
    runner = start(ANSIBLE_PLAYBOOK="/nonexistent/ansible-playbook")

    run = bench.await_final(bench.trigger(playbook(playbooks.HELLO).url))

    assert (run.state, run.exit_code) == (RunState.FAILED, None)
    assert "ansible-playbook was not found" in run.message or "no ansible-playbook" in run.message
    assert runner.process.poll() is None


def test_a_run_over_its_time_limit_is_timed_out(bench, runner, playbook):
    run = bench.await_final(bench.trigger(playbook(playbooks.IGNORING).url, timeout=3))

    assert run.state is RunState.TIMED_OUT
    assert "3 seconds" in run.message
    assert bench.family(run) == []


def test_what_outlives_a_normal_end_is_ended_before_the_row_is_final(bench, runner, playbook):
    leaving = playbooks.SETSID.replace("    - command: sleep 300\n", "")

    run = bench.await_final(bench.trigger(playbook(leaving).url))

    assert run.state is RunState.SUCCEEDED
    assert bench.family(run) == []
    assert [event.detail["why"] for event in bench.events(run, "signalled")] == ["leftover"]


def test_values_of_callers_arrive_as_those_very_characters(bench, runner, playbook):
    text = playbooks.HELLO.replace('"hello"', '"<{{ given }}>"')
    hostile = "{{ lookup('pipe', 'id') }}"

    run = bench.await_final(bench.trigger(playbook(text).url, accepted={"given": hostile}))

    assert run.state is RunState.SUCCEEDED
    assert f"<{hostile}>" in bench.output(run).decode()


def test_the_runs_directory_is_gone_when_it_has_ended(bench, runner, playbook, tmp_path):
    run = bench.await_final(bench.trigger(playbook(playbooks.HELLO).url))

    runner.terminate()

    assert left_directories(tmp_path / "data" / "runs") == []
    assert run.directory is not None
