"""Runs by the command line: triggered, watched, stopped, repeated; and what a script learns."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.formation import Client
from tests.waiting import wait_until

ENDS = [
    (["-e", "greeting=hi"], 0, "succeeded"),
    (["-e", "fails=true"], 2, "failed"),
]


@pytest.mark.parametrize(("given", "code", "state"), ENDS)
def test_waiting_tells_the_end_by_the_exit_code(
    curtain: Shell, template: str, given: list[str], code: int, state: str
) -> None:
    ran = curtain("run", template, *given, "--wait", "--json")

    assert (ran.code, ran.json["state"]) == (code, state)


def test_running_without_waiting_prints_the_queued_run(curtain: Shell, template: str) -> None:
    run = curtain.ok("run", template, "--reason", "release 1", "--json").json

    assert (run["state"], run["reason"], run["trigger"]) == ("queued", "release 1", "api")
    curtain("stop", str(run["id"]), "--wait")


def test_variables_are_of_the_types_that_the_template_accepts(
    curtain: Shell, template: str
) -> None:
    (curtain.home / "more.yml").write_text("ratio: 2.5\ngreeting: overridden\n")
    given = ["-e", "@more.yml", "-e", "seconds=0", "-e", "fails=no", "-e", "greeting=5"]
    given += ["-e", "hosts=a,b", "-e", 'settings={"deep": [1, true]}', "-e", "password=s3cret"]

    run = curtain.ok("run", template, *given, "--json").json

    assert run["vars"] == {
        "seconds": 0,
        "fails": False,
        "greeting": "5",
        "hosts": ["a", "b"],
        "ratio": 2.5,
        "settings": {"deep": [1, True]},
        "password": "********",
    }


def test_variables_come_from_standard_input_too(curtain: Shell, template: str) -> None:
    run = curtain.ok("run", template, "-e", "@-", "--json", given="greeting: on\n").json

    assert run["vars"] == {"greeting": "on"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("seconds=soon", "seconds is a whole number: 3"),
        ("seconds=1_000", "seconds is a whole number: 3"),
        ("fails=perhaps", "fails is a boolean: true or false"),
        ("ratio=NaN", "ratio is a number: 2.5"),
        ("settings=[1]", "settings is no mapping of names to values"),
        ("greeting", "-e takes name=value, {JSON} or @FILE"),
        ("@missing.yml", "missing.yml cannot be read"),
    ],
)
def test_a_variable_of_the_wrong_form_is_refused_before_anything_is_sent(
    curtain: Shell, template: str, given: str, words: str
) -> None:
    ran = curtain("run", template, "-e", given)

    assert ran.code == 64
    assert words in ran.stderr
    assert not ran.stdout


def test_options_override_what_the_template_allows(curtain: Shell, template: str) -> None:
    given = ["--limit", "web1", "-t", "a,b", "--skip-tags", "c", "-C", "-D", "-vv", "--ref", "main"]

    run = curtain.ok("run", template, *given, "--json").json

    expected: dict[str, Any] = {"limit": "web1", "tags": ["a", "b"], "skip_tags": ["c"]}
    expected |= {"check": True, "diff": True, "verbosity": 2}
    assert run["options"].items() >= expected.items()


def test_the_same_key_gives_the_same_run(curtain: Shell, template: str) -> None:
    ids = {curtain.ok("run", template, "--key", "build-7", "--json").json["id"] for _ in range(2)}

    assert len(ids) == 1


def test_what_the_template_does_not_accept_is_refused_in_the_servers_words(
    curtain: Shell, template: str
) -> None:
    ran = curtain("run", template, "-e", "unknown=1", "--json")

    problem = json.loads(ran.stderr)
    assert (ran.code, ran.stdout, problem["status"]) == (12, b"", 422)
    assert problem["errors"] == [
        {"field": "vars.unknown", "message": "is not accepted by this template"}
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "nothing"],
        ["run", ".."],
        ["status", "999999"],
        ["tail", "999999"],
        ["hosts", "999999"],
        ["events", "999999"],
        ["stop", "999999"],
        ["rerun", "999999"],
        ["templates", "nothing"],
        ["hooks", "show", "nothing"],
    ],
)
def test_what_is_not_there_is_11(curtain: Shell, template: str, arguments: list[str]) -> None:
    assert curtain(*arguments).code == 11


def test_ps_lists_what_is_queued_or_running_unless_asked_for_all(
    curtain: Shell, template: str, trigger: Callable[..., int], ended: int
) -> None:
    run_id = trigger(seconds=60)

    live = {run["id"] for run in curtain.ok("ps", "--json").json["runs"]}
    every = {run["id"] for run in curtain.ok("ps", "-a", "--json", "-n", "500").json["runs"]}

    assert run_id in live
    assert ended not in live
    assert {run_id, ended} <= every
    assert str(run_id) in curtain.ok("ps", "--template", template).out
    curtain.ok("stop", str(run_id), "--wait", "--force")


def test_status_tells_how_it_is_and_who_wanted_it(curtain: Shell, ended: int) -> None:
    told = curtain.ok("status", str(ended)).out

    assert f"run {ended}: succeeded" in told
    assert "to be looked at" in told
    assert "admin (api)" in told
    assert curtain.ok("status", str(ended), "--json").json["id"] == ended


def test_stopping_and_waiting_ends_when_nothing_is_left(
    curtain: Shell, api: Client, trigger: Callable[..., int]
) -> None:
    run_id = trigger(seconds=60)
    wait_until(lambda: api.call("GET", f"/runs/{run_id}").json["phase"] == "playing")

    ran = curtain.ok("stop", str(run_id), "--wait", "--reason", "wrong version", "--json")

    (run,) = ran.json["runs"]
    assert (run["state"], run["stop"]["reason"]) == ("stopped", "wrong version")
    assert curtain("tail", str(run_id), "-f").code == 3


def test_stopping_what_has_ended_is_refused_with_the_run(curtain: Shell, ended: int) -> None:
    ran = curtain("stop", str(ended), "--json")

    problem = json.loads(ran.stderr)
    assert (ran.code, problem["status"], problem["run"]["id"]) == (12, 409, ended)


def test_stopping_several_stops_those_that_can_be(
    curtain: Shell, trigger: Callable[..., int], ended: int
) -> None:
    run_id = trigger(seconds=60)

    ran = curtain("stop", str(ended), str(run_id), "--wait", "--json")

    assert ran.code == 12
    assert [run["id"] for run in ran.json["runs"]] == [run_id]
    assert [problem["status"] for problem in ran.json["problems"]] == [409]


def test_a_rerun_is_as_it_was(curtain: Shell, ended: int) -> None:
    run = curtain.ok("rerun", str(ended), "--wait", "--json").json

    assert (run["rerun_of"], run["vars"]) == (ended, {"greeting": "an end"})


def test_a_rerun_of_failed_hosts_without_any_is_refused(curtain: Shell, ended: int) -> None:
    assert curtain("rerun", str(ended), "--failed").code == 12


def test_a_preview_tells_what_would_differ_and_runs_nothing(
    curtain: Shell, api: Client, ended: int
) -> None:
    newest = api.call("GET", "/runs?limit=1").json["runs"][0]["id"]

    told = curtain.ok("rerun", str(ended), "--preview").out

    assert "(same)" in told
    assert "template: as it was" in told
    assert curtain.ok("rerun", str(ended), "--preview", "--json").json["run"] == ended
    assert api.call("GET", "/runs?limit=1").json["runs"][0]["id"] == newest


def test_following_through_a_pipe_prints_the_output_byte_for_byte(
    curtain: Shell, api: Client, template: str
) -> None:
    ran = curtain("run", template, "-e", "greeting=hi", "--follow")

    run_id = int(ran.stderr.split()[1])
    assert ran.code == 0
    assert ran.stdout == api.call("GET", f"/runs/{run_id}/output").body
    assert ran.stderr.endswith("\n")
    assert f"run {run_id}: succeeded" in ran.stderr


def test_following_for_a_program_is_a_line_of_json_each(curtain: Shell, template: str) -> None:
    entries = curtain.ok("run", template, "--follow", "--json").entries

    assert entries[-1]["event"] == "end"
    assert entries[-1]["run"]["state"] == "succeeded"
    assert "hello" in "".join(each["text"] for each in entries if each["event"] == "output")


def test_ctrl_c_in_a_script_stops_watching_and_says_that_the_run_goes_on(
    curtain: Shell, api: Client, trigger: Callable[..., int]
) -> None:
    run_id = trigger(seconds=60)
    process = curtain.start("tail", str(run_id), "-f")
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"not watched any more, playing" in told
    assert api.call("GET", f"/runs/{run_id}").json["state"] == "running"
    assert b"Traceback" not in told
    curtain.ok("stop", str(run_id), "--force", "--wait")


def test_a_time_limit_is_4(curtain: Shell, api: Client, spec: dict[str, Any]) -> None:
    api.call("PUT", "/templates/hasty", spec | {"timeout": 1})

    assert curtain("run", "hasty", "-e", "seconds=60", "--wait").code == 4
