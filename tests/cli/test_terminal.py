"""The command line on a terminal: progress, questions, Ctrl-C; and no orders from playbooks."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.cli.conftest import CURTAIN, Shell
from tests.formation import TOKEN, Client
from tests.playbooks import printing
from tests.repositories import make_repository

#: A title, the clipboard, a cleared screen, C1, a carriage return that paints over; and a colour.
CANARY = (
    r"b'\n\x1b]0;pwned\x07\x1b]52;c;cHduZWQ=\x07\x1b[2J\x1b[1A\xc2\x9b2J\xff[red]no markup[/red]\r'"
    r" + b'OVER \x1b[32mgreen\x1b[0m\n'"
)


@pytest.fixture
def terminal(curtain: Shell) -> Iterator[Callable[..., Any]]:
    """Start the command on a terminal."""
    started: list[Any] = []

    def start(*arguments: str, columns: int = 90, **environ: str) -> Any:
        child = pexpect.spawn(
            CURTAIN[0],
            [*CURTAIN[1:], *arguments],
            cwd=str(curtain.home),
            env=curtain.environ | {"TERM": "xterm-256color"} | environ,
            dimensions=(30, columns),
            timeout=60,
            encoding="utf-8",
            codec_errors="replace",
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def end(child: Any) -> tuple[int, str]:
    """Wait for its end; its exit code, and what it has written since."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def end_by_interrupt(child: Any) -> tuple[int, str]:
    """Press Ctrl-C at a question until it is heard, and wait for the end.

    CPython's input() does not hear the one that comes between its last look and its read().
    """
    child.sendintr()
    # Time-outs leave what was written where it is: the end has all of it before it.
    while child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=5):
        child.sendintr()
    child.close()
    return child.exitstatus, child.before


def test_following_shows_progress_and_then_the_end(
    terminal: Callable[..., Any], template: str
) -> None:
    child = terminal("run", template, "-e", "seconds=1", "--follow")

    child.expect(rf"run \d+ {template}: playing for")
    child.expect("TASK .Greet")
    code, rest = end(child)

    assert code == 0
    assert "PLAY RECAP" in rest
    assert re.search(r"run \d+: succeeded after", rest)


def test_ctrl_c_asks_and_stops_the_run_if_that_is_wished(
    terminal: Callable[..., Any], template: str, api: Client
) -> None:
    child = terminal("run", template, "-e", "seconds=60", "--follow")
    child.expect(r"run (\d+) of")
    run_id = child.match[1]
    child.expect("TASK .Wait")
    child.sendintr()
    child.expect("watch on")
    child.sendline("stop")
    code, rest = end(child)

    assert code == 3
    assert "watching until nothing of it is left" in rest
    assert api.call("GET", f"/runs/{run_id}").json["state"] == "stopped"


def test_a_second_ctrl_c_stops_watching_and_says_that_the_run_goes_on(
    terminal: Callable[..., Any], curtain: Shell, template: str, api: Client
) -> None:
    child = terminal("run", template, "-e", "seconds=60", "--follow")
    child.expect(r"run (\d+) of")
    run_id = child.match[1]
    child.expect("TASK .Wait")
    child.sendintr()
    child.expect("watch on")
    code, rest = end_by_interrupt(child)

    assert code == 130
    assert f"run {run_id}: not watched any more, playing for" in rest
    assert api.call("GET", f"/runs/{run_id}").json["state"] == "running"
    curtain.ok("stop", run_id, "--force", "--wait")


@pytest.fixture
def evil(api: Client, tmp_path: Path, spec: dict[str, Any]) -> int:
    """A run whose playbook and people have tried to give orders to terminals."""
    text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: msg=done\n"
    repository = make_repository(tmp_path / "evil", {"site.yml": text, **printing(CANARY)})
    playbook = {"repository": repository.path.as_uri(), "ref": "main", "path": "site.yml"}
    assert api.call("PUT", "/templates/evil", spec | {"playbook": playbook}).status < 300
    reason = "\x1b]0;pwned\x07[bold]no markup[/bold]\u202e"
    answer = api.call("POST", "/templates/evil/runs?wait=60", {"reason": reason})
    assert answer.json["state"] == "succeeded", answer.body
    return int(answer.json["id"])


def test_what_a_playbook_prints_gives_no_orders_to_a_terminal(
    terminal: Callable[..., Any], evil: int
) -> None:
    for arguments in (["tail"], ["status"], ["events"], ["hosts"]):
        _, shown = end(terminal(*arguments, str(evil)))
        assert not re.search("\x1b[\\]P_^]|\x1b\\[2J|\x9b|\x9d|\x07|\u202e", shown), arguments

    _, shown = end(terminal("tail", str(evil)))
    assert "\u241b]52;c;cHduZWQ=\u2407" in shown
    assert "[red]no markup[/red]" in shown
    assert "\x1b[32mgreen\x1b[0m" in shown
    assert "[bold]no markup[/bold]" in end(terminal("status", str(evil)))[1]


def test_following_gives_no_orders_either(terminal: Callable[..., Any], evil: int) -> None:
    _, shown = end(terminal("rerun", str(evil), "--follow"))

    assert "\u241b]52;c;cHduZWQ=\u2407" in shown
    assert "\x1b]" not in shown


def test_raw_and_piped_output_is_byte_for_byte(
    terminal: Callable[..., Any], curtain: Shell, api: Client, evil: int
) -> None:
    printed = api.call("GET", f"/runs/{evil}/output").body

    assert b"\xff" in printed
    for arguments in (["tail"], ["tail", "-f"], ["tail", "--raw"]):
        assert curtain.ok(arguments[0], str(evil), *arguments[1:]).stdout == printed
    assert "\x1b]52;c;cHduZWQ=\x07" in end(terminal("tail", str(evil), "--raw"))[1]


def test_json_gives_no_orders_to_a_terminal(terminal: Callable[..., Any], evil: int) -> None:
    _, shown = end(terminal("status", str(evil), "--json"))

    assert "\\u001b]0;pwned\\u0007" in shown
    assert "\x1b" not in shown


def test_no_color_is_obeyed(terminal: Callable[..., Any], evil: int) -> None:
    for arguments in (["tail", str(evil)], ["ps", "-a"], ["status", str(evil)]):
        assert "\x1b[3" not in end(terminal(*arguments, NO_COLOR="1"))[1]


def test_a_narrow_terminal_is_not_overrun(terminal: Callable[..., Any], ended: int) -> None:
    _, shown = end(terminal("ps", "-a", "-n", "3", columns=40, NO_COLOR="1"))

    assert str(ended) or shown
    assert max(map(len, re.sub("\x1b\\[[0-9;]*m", "", shown).splitlines())) <= 40


def test_the_token_is_asked_for_without_echo(
    terminal: Callable[..., Any], url: str, curtain: Shell
) -> None:
    del curtain.environ["CURTAIN_URL"], curtain.environ["CURTAIN_TOKEN"]
    child = terminal("login", url)
    child.expect("Token for .*:")
    child.sendline(TOKEN)
    code, shown = end(child)

    assert code == 0
    assert TOKEN not in shown
    assert "signed in to" in shown


def test_a_secret_that_is_missing_is_asked_for_without_echo(
    terminal: Callable[..., Any], api: Client, spec: dict[str, Any]
) -> None:
    accepts = {"password": {"type": "string", "secret": True, "required": True}}
    api.call("PUT", "/templates/guarded", spec | {"accepts": accepts})
    child = terminal("run", "guarded", "--wait")
    child.expect("password:")
    child.sendline("hunter22")
    code, shown = end(child)

    assert code == 0
    assert "hunter22" not in shown


def test_watching_ps_shows_what_runs_until_ctrl_c(
    terminal: Callable[..., Any], curtain: Shell, trigger: Callable[..., int]
) -> None:
    run_id = trigger(seconds=60)
    child = terminal("ps", "--watch")
    child.expect(str(run_id))
    child.sendintr()

    assert end(child)[0] == 130
    curtain.ok("stop", str(run_id), "--force", "--wait")


def test_a_living_bash_completes_what_is_typed(
    curtain: Shell, template: str, tmp_path: Path
) -> None:
    command = tmp_path / "bin" / "curtain"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.join(CURTAIN)} "$@"\n')
    command.chmod(0o755)
    environ = curtain.environ | {
        "PATH": f"{command.parent}:{curtain.environ['PATH']}",
        "TERM": "dumb",
        "PS1": "READY ",
    }
    bash = pexpect.spawn(
        "bash", ["--norc", "--noprofile"], cwd=str(curtain.home), env=environ, timeout=60
    )
    bash.expect_exact("READY ")
    bash.sendline('eval "$(curtain completion bash)" && echo source""d')
    bash.expect_exact("sourced")

    bash.send("curtain stat\t")
    bash.expect_exact("curtain status ")
    bash.sendcontrol("u")
    bash.send(f"curtain run {template[:3]}\t")
    bash.expect_exact(f"curtain run {template} ")
    bash.sendcontrol("u")
    bash.sendline("exit")
    bash.expect(pexpect.EOF)
    bash.close()
    assert bash.exitstatus == 0
