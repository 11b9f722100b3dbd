"""Tokens by the command line, what they may, and the audit of who did what."""

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Shell
from tests.formation import Client


@pytest.fixture
def reader(curtain: Shell, url: str, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The command of somebody who may only read."""
    curtain("tokens", "revoke", "reader")
    made = curtain.ok("tokens", "create", "reader", "--expires", "30d")
    token = made.out.strip()
    home = tmp_path_factory.mktemp("reader")
    return Shell(home, {"CURTAIN_URL": url, "CURTAIN_TOKEN": token})


def test_a_new_token_stands_alone_on_standard_output_and_may_only_read(
    curtain: Shell, reader: Shell
) -> None:
    me = reader.ok("whoami", "--json").json

    assert reader.environ["CURTAIN_TOKEN"].startswith("curtain_")
    assert (me["name"], me["rights"]) == ("reader", ["read"])
    listed = curtain.ok("tokens", "list").out
    assert "reader" in listed
    assert reader.environ["CURTAIN_TOKEN"] not in listed


def test_what_a_token_may_not_is_10(
    reader: Shell, template: str, ended: int, trigger: Callable[..., int], curtain: Shell
) -> None:
    (reader.home / "a.yml").write_text("templates: {}\n")
    run_id = trigger(seconds=60)
    commands = [["run", template], ["stop", str(run_id)], ["rerun", str(ended)], ["tokens", "list"]]
    commands += [["audit"], ["apply", "a.yml"]]
    for command in commands:
        assert reader(*command).code == 10, command
    assert reader.ok("status", str(run_id)).code == 0
    curtain.ok("stop", str(run_id), "--force", "--wait")


def test_a_revoked_token_is_not_believed_any_more(curtain: Shell, reader: Shell) -> None:
    curtain.ok("tokens", "revoke", "reader", "--json")

    assert reader("ps").code == 10
    assert curtain("tokens", "revoke", "reader").code == 11


def test_rights_templates_and_expiry_are_as_given(curtain: Shell) -> None:
    given = ["--right", "run", "--right", "stop", "--template", "deploy-*"]
    made = curtain.ok(
        "tokens", "create", "deployer", *given, "--expires", "2031-01-31T12:00:00Z", "--json"
    ).json
    curtain.ok("tokens", "revoke", "deployer")

    assert (made["rights"], made["templates"]) == (["run", "stop"], ["deploy-*"])
    assert made["expires_at"].startswith("2031-01-31T12:00:00")
    assert curtain("tokens", "create", "x", "--expires", "soon").code == 64


def test_the_audit_tells_who_did_what(curtain: Shell, api: Client, template: str) -> None:
    run = curtain.ok("run", template, "--json").json

    entries = curtain.ok("audit", "--target", f"run {run['id']}", "--json").json["entries"]

    assert [(each["actor"], each["action"]) for each in entries] == [("admin", "run.trigger")]
    assert f"run {run['id']}" in curtain.ok("audit", "--action", "run.trigger", "-n", "5").out
    assert entries[0]["agent"].startswith("curtain/")


def test_a_refusal_names_the_right_that_is_missing(reader: Shell, template: str) -> None:
    problem = json.loads(reader("run", template, "--json").stderr)

    assert (problem["status"], problem["right"]) == (403, "run")
