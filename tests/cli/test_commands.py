"""What all commands have in common, and those that only look."""

import json
import resource
import subprocess
import sys

import pytest

from app.cli.exits import OF_STATE
from runner.run import RunState
from tests.cli.conftest import CURTAIN, ROOT, Shell
from tests.formation import TOKEN, Client

PUSH = ROOT / "tests" / "hooks" / "payloads" / "github" / "push.json"


def test_every_final_state_has_an_exit_code_of_its_own() -> None:
    final = {state.value for state in RunState} - {"queued", "running"}

    assert set(OF_STATE) == final
    assert len(set(OF_STATE.values())) == len(final)


def test_help_takes_less_than_three_tenths_of_a_second_of_cpu(stranger: Shell) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = stranger.ok("--help").out
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert "Exit codes" in told
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert used < 0.3


def test_help_loads_no_command_and_nothing_heavy() -> None:
    program = "import sys; from app.cli.main import main; main(['--help']); print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    loaded = set(told.splitlines()[-1].split())
    assert not loaded & {"httpx", "rich", "pydantic", "yaml", "psycopg", "flask", "redis", "rq"}
    assert not any(name.startswith("app.cli.commands") for name in loaded)


def test_the_bootstrap_has_the_same_commands(curtain: Shell) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "app", "ps", "--json"],
        cwd=ROOT,
        env=curtain.environ,
        capture_output=True,
        check=True,
    )

    assert "runs" in json.loads(ran.stdout)


LOOKING = [
    ["ps"],
    ["ps", "-a"],
    ["status", "ID"],
    ["hosts", "ID"],
    ["tasks", "ID"],
    ["rerun", "ID", "--preview"],
    ["templates"],
    ["templates", "greet"],
    ["schedules", "list"],
    ["schedules", "show", "nightly"],
    ["hooks", "list"],
    ["hooks", "show", "site"],
    ["hooks", "deliveries", "site"],
    ["hooks", "test", "site", "--event", "push", "--ref", "main"],
    ["export"],
    ["contexts"],
    ["whoami"],
    ["tokens", "list"],
    ["audit"],
    ["doctor"],
    ["open", "ID"],
    ["completion", "bash"],
]


@pytest.fixture
def hook(api: Client, template: str) -> str:
    """A hook of the template of the tests."""
    spec = {"sender": "github", "secret": "a secret of ours", "template": template}
    assert api.call("PUT", "/hooks/site", spec | {"branches": ["main"]}).status < 300
    return "site"


@pytest.fixture
def schedule(api: Client, template: str) -> str:
    """A schedule of the template of the tests that is due in winter only."""
    spec = {"template": template, "cron": "30 4 1 1 *", "timezone": "Asia/Tokyo"}
    assert api.call("PUT", "/schedules/nightly", spec).status < 300
    return "nightly"


def test_a_schedule_is_shown_by_the_clock_of_its_zone(curtain: Shell, schedule: str) -> None:
    told = curtain.ok("schedules", "show", schedule).out

    assert told.count("-01-01T04:30:00+09:00") == 5
    assert "\ncron: 30 4 1 1 *\n" in told
    row = curtain.ok("schedules", "list").out.splitlines()[1]
    assert "30 4 1 1 * Asia/Tokyo" in row


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(
    curtain: Shell, hook: str, schedule: str, ended: int, arguments: list[str]
) -> None:
    ran = curtain(*(each.replace("ID", str(ended)) for each in arguments), "--json")

    assert ran.code == 0, ran.stderr
    assert isinstance(ran.json, dict)


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_a_person_is_told_it_too(
    curtain: Shell, hook: str, schedule: str, ended: int, arguments: list[str]
) -> None:
    ran = curtain(*(each.replace("ID", str(ended)) for each in arguments))

    assert (ran.code, ran.out == "") == (0, False), ran.stderr


def test_events_are_json_lines(curtain: Shell, ended: int) -> None:
    kinds = [event["kind"] for event in curtain.ok("events", str(ended), "--json").entries]

    assert kinds[0] == "queued"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["ps", "--nonsense"],
        ["status"],
        ["status", "x"],
        ["tail", "1", "--lines", "-1"],
    ],
)
def test_wrong_usage_is_64(curtain: Shell, arguments: list[str]) -> None:
    ran = curtain(*arguments, "--json")

    assert (ran.code, ran.stdout) == (64, b"")
    assert json.loads(ran.stderr)["exit_code"] == 64


def test_a_reader_that_stops_reading_is_no_error(curtain: Shell, ended: int) -> None:
    for arguments in (f"tail {ended}", "ps -a", "--help"):
        command = f"{' '.join(CURTAIN)} {arguments} | head -n 0; echo ${{PIPESTATUS[0]}}"
        ran = subprocess.run(
            ["bash", "-c", command], env=curtain.environ, capture_output=True, text=True, check=True
        )
        assert ran.stderr == ""
        assert ran.stdout.strip() in ("0", "141")


def test_a_part_of_the_output_can_be_had(curtain: Shell, api: Client, ended: int) -> None:
    output = api.call("GET", f"/runs/{ended}/output").body
    lines = output.splitlines(keepends=True)

    assert curtain.ok("tail", str(ended), "-n", "2").stdout == b"".join(lines[-2:])
    assert curtain.ok("tail", str(ended), "-n", "9999").stdout == output
    assert curtain.ok("tail", str(ended), "--since", "10").stdout == output[10:]
    assert curtain.ok("tail", str(ended), "--since", "-10").stdout == output[-10:]
    assert curtain.ok("tail", str(ended), "--since", "1d").stdout == output
    assert curtain.ok("tail", str(ended), "--since", "2020-01-01T00:00:00Z").stdout == output
    assert curtain.ok("tail", str(ended), "--since", "2099-01-01T00:00:00Z").stdout == b""
    assert curtain("tail", str(ended), "--since", "yesterday").code == 64
    assert curtain("tail", str(ended), "--since", "1", "-n", "1").code == 64
    entries = curtain.ok("tail", str(ended), "--json").entries
    assert "".join(each["text"] for each in entries).encode() == output


def test_hosts_tell_what_came_of_each(curtain: Shell, ended: int) -> None:
    told = curtain.ok("hosts", str(ended)).out

    assert [line.split()[0] for line in told.splitlines()] == ["HOST", "web1", "web2"]


def test_a_hook_is_tried_with_a_push_that_is_made_up(curtain: Shell, hook: str) -> None:
    queued = curtain.ok("hooks", "test", hook, "--event", "push", "--ref", "main").out
    ignored = curtain.ok("hooks", "test", hook, "--ref", "dev").out

    assert queued.startswith("push refs/heads/main: would be queued")
    assert ignored.startswith("push refs/heads/dev: ignored: branch dev not in main")


def test_a_hook_is_tried_with_what_was_sent(curtain: Shell, hook: str) -> None:
    told = curtain.ok("hooks", "test", hook, "--event", "push", "--payload", str(PUSH)).out
    piped = curtain.ok(
        "hooks",
        "test",
        hook,
        "-H",
        "X-GitHub-Event: push",
        "--payload",
        "-",
        given=PUSH.read_bytes(),
    ).out

    assert "ignored: " in told
    assert piped == told


@pytest.mark.parametrize("sender", ["github", "gitlab", "gitea", "gogs"])
def test_the_made_up_push_of_each_sender_is_understood(
    curtain: Shell, api: Client, template: str, sender: str
) -> None:
    spec = {"sender": sender, "secret": "a secret of ours", "template": template}
    assert api.call("PUT", f"/hooks/{sender}", spec | {"paths": ["a/**"]}).status < 300

    tried = curtain.ok("hooks", "test", sender, "--path", "a/b", "--json").json

    assert [each["decision"] for each in tried["decisions"]] == ["queued"]


def test_the_shell_completes_commands_templates_and_runs(
    curtain: Shell, template: str, ended: int
) -> None:
    def completed(words: str, number: int) -> str:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(number)}
        return curtain.ok(_CURTAIN_COMPLETE="bash_complete", **asked).out

    assert "plain,status" in completed("curtain sta", 1)
    assert f"plain,{template}" in completed("curtain run gr", 2)
    assert f"plain,{ended}" in completed("curtain status ", 2)


def test_completion_of_an_absent_server_is_empty_and_quiet(curtain: Shell) -> None:
    asked = {"COMP_WORDS": "curtain run ", "COMP_CWORD": "2", "CURTAIN_URL": "http://127.0.0.1:1"}

    ran = curtain(_CURTAIN_COMPLETE="bash_complete", **asked)

    assert (ran.stdout.strip(), ran.stderr) == (b"", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(stranger: Shell, shell: str) -> None:
    assert "_CURTAIN_COMPLETE" in stranger.ok("completion", shell).out


def test_doctor_says_what_to_do_about_what_is_not_well(curtain: Shell, url: str) -> None:
    assert "runner" in curtain.ok("doctor").out

    wrong = curtain("doctor", "--json", CURTAIN_TOKEN="wrong-token")
    away = curtain("doctor", "--json", CURTAIN_URL="http://127.0.0.1:1")

    assert (wrong.code, away.code) == (10, 13)
    (bad,) = [each for each in wrong.json["findings"] if each["part"] == "token"]
    assert bad["advice"] == f"curtain login {url}"
    assert not away.json["well"]


def test_no_command_shows_the_token(curtain: Shell, ended: int) -> None:
    for arguments in (["doctor"], ["whoami"], ["contexts"], ["status", str(ended)]):
        ran = curtain(*arguments)
        assert TOKEN not in ran.out + ran.stderr
