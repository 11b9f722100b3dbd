"""Declaring by files: checked before anything is sent, idempotent, and the way back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.formation import Client
from tests.keys import private_key
from tests.repositories import Repository

SECRETS = {
    "SITE_TOKEN": "glpat-0123456789",
    "HOOK_SECRET": "a secret of the hook",
    "NIGHT_SECRET": "a secret of the night",
}


@pytest.fixture(autouse=True)
def nothing_left(api: Client) -> Iterator[None]:
    """Nothing of another test's is declared, and nothing of ours afterwards."""
    _clear(api)
    yield
    _clear(api)


def _clear(api: Client) -> None:
    for kind in ("schedules", "hooks", "templates", "credentials"):
        for each in api.call("GET", f"/{kind}?limit=500").json[kind]:
            assert api.call("DELETE", f"/{kind}/{each['name']}").status == 204


@pytest.fixture
def site(curtain: Shell) -> Path:
    """Files that declare one of each kind."""
    folder = curtain.home / "declared"
    folder.mkdir()
    (folder / "1.yml").write_text(
        """
schedules:
  nightly:
    template: web
    cron: 0 3 * * 1-5
    timezone: Europe/Berlin
    vars: {version: v1, password: {env: NIGHT_SECRET}}
hooks:
  site:
    sender: github
    secret: {env: HOOK_SECRET}
    template: web
    branches: [main]
    vars: {version: event.sha}
templates:
  web:
    playbook:
      repository: https://git.example.com/ops/site.git
      path: site.yml
      credential: site-token
    inventory:
      content: |
        web1
        web2
    accepts:
      version: {type: string, required: true}
      password: {type: string, secret: true}
    credentials: [deploy-key]
    notifications:
      - on: [failed]
        to: {kind: slack, credential: ops}
"""
    )
    (folder / "2.yaml").write_text(
        """
credentials:
  site-token: {kind: git_https, username: token, password: {env: SITE_TOKEN}}
  deploy-key:
    kind: ssh_key
    private_key: {file: key}
    host_keys: accept-new
---
credentials:
  ops: {kind: webhook, url: {file: url}}
"""
    )
    (folder / "key").write_text(private_key())
    (folder / "url").write_text("https://hooks.slack.com/services/T/B/secret\n")
    return folder


def test_what_is_declared_is_put_in_the_order_of_what_names_what(
    curtain: Shell, site: Path
) -> None:
    told = curtain.ok("apply", str(site), **SECRETS).out.splitlines()

    assert told == [
        "created credential site-token",
        "created credential deploy-key",
        "created credential ops",
        "created template web",
        "created hook site",
        "created schedule nightly",
    ]


def test_a_second_apply_changes_nothing_and_puts_nothing(
    curtain: Shell, api: Client, site: Path
) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    before = _times(api)

    assert curtain.ok("apply", str(site), **SECRETS).out == "nothing to change\n"
    assert curtain.ok("apply", str(site), "--json", **SECRETS).json["changes"] == []
    assert _times(api) == before


def _times(api: Client) -> list[str]:
    return [
        each["updated_at"]
        for kind in ("schedules", "hooks", "templates", "credentials")
        for each in api.call("GET", f"/{kind}").json[kind]
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SITE_TOKEN": "another-token"}, "changed credential site-token\n"),
        ({"HOOK_SECRET": "another secret"}, "changed hook site\n"),
        ({"NIGHT_SECRET": "another night"}, "changed schedule nightly\n"),
    ],
)
def test_a_secret_that_is_another_is_put_and_never_shown(
    curtain: Shell, site: Path, changed: dict[str, str], told: str
) -> None:
    curtain.ok("apply", str(site), **SECRETS)

    dry = curtain.ok("apply", str(site), "--dry-run", **{**SECRETS, **changed})
    assert "******** (another one)" in dry.out
    assert not any(secret in dry.out for secret in (*SECRETS.values(), *changed.values()))
    assert curtain.ok("apply", str(site), **{**SECRETS, **changed}).out == told
    assert curtain.ok("apply", str(site), **{**SECRETS, **changed}).out == "nothing to change\n"


def test_another_key_is_put(curtain: Shell, site: Path) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    (site / "key").write_text(private_key())

    assert curtain.ok("apply", str(site), **SECRETS).out == "changed credential deploy-key\n"


def test_a_dry_run_shows_the_difference_and_sends_nothing(
    curtain: Shell, api: Client, site: Path
) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    file = site / "1.yml"
    file.write_text(file.read_text().replace("path: site.yml", "path: other.yml"))
    before = _times(api)

    told = curtain.ok("apply", str(site), "--dry-run", **SECRETS).out

    assert "-  path: site.yml\n+  path: other.yml" in told
    assert f"+++ {file}:" in told
    assert _times(api) == before
    (change,) = curtain.ok("apply", str(site), "--dry-run", "--json", **SECRETS).json["changes"]
    assert (change["action"], change["kind"], change["name"]) == ("change", "template", "web")


def test_what_is_not_declared_stays_unless_it_is_pruned(
    curtain: Shell, api: Client, site: Path
) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    only = curtain.home / "only.yml"
    only.write_text("hooks: {}\n")

    assert curtain.ok("apply", str(only)).out == "nothing to change\n"
    assert curtain.ok("apply", str(only), "--prune").out == "deleted hook site\n"
    # The other kinds are not named, so they are left alone.
    assert [each["name"] for each in api.call("GET", "/templates").json["templates"]] == ["web"]


def test_all_kinds_are_pruned_in_the_order_of_who_names_whom(curtain: Shell, site: Path) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    nothing = curtain.home / "nothing.yml"
    nothing.write_text("hooks:\ntemplates:\ncredentials:\nschedules:\n")

    told = curtain.ok("apply", str(nothing), "--prune").out.split("\n")

    kinds = [line.split()[1] for line in told if line]
    assert kinds == ["schedule", "hook", "template", "credential", "credential", "credential"]


def test_what_is_wrong_is_told_before_anything_is_sent(curtain: Shell, api: Client) -> None:
    (curtain.home / "a.yml").write_text(
        "credentials: {first: {kind: become_password, password: {env: HOOK_SECRET}}}\n"
    )
    (curtain.home / "b.yml").write_text("templates:\n  a: {}\n")

    ran = curtain("apply", "a.yml", "b.yml", **SECRETS)

    assert ran.code == 12
    assert "b.yml:2: templates.a.playbook: is required" in ran.stderr
    assert api.call("GET", "/credentials").json["credentials"] == []


def test_what_names_something_that_is_not_there_is_told_with_its_line(curtain: Shell) -> None:
    (curtain.home / "b.yml").write_text(
        "hooks:\n  a: {sender: github, secret: {env: HOOK_SECRET}, template: missing}\n"
    )

    ran = curtain("apply", "b.yml", **SECRETS)

    assert (
        ran.code,
        "b.yml:2: hooks.a.template: there is no template 'missing'" in ran.stderr,
    ) == (
        12,
        True,
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("{env: NIGHT_SECRET}", "plain-text", "nightly.vars.password: must not stand in a file"),
        ("version: v1", "version: {env: SITE_TOKEN}", "nightly.vars.version: is not secret in web"),
        ("template: web\n    cron", "template: other\n    cron", "there is no template 'other'"),
    ],
)
def test_what_is_secret_in_a_schedule_is_told_by_its_template(
    curtain: Shell, api: Client, site: Path, before: str, after: str, words: str
) -> None:
    file = site / "1.yml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))

    ran = curtain("apply", str(site), **SECRETS)

    assert ran.code == 12
    assert words in ran.stderr
    assert "plain-text" not in ran.stderr
    assert api.call("GET", "/templates").json["templates"] == []


def test_what_is_declared_twice_names_both_places(curtain: Shell) -> None:
    for name in ("a.yml", "b.yml"):
        (curtain.home / name).write_text(
            "credentials:\n  c: {kind: become_password, password: {env: HOOK_SECRET}}\n"
        )

    ran = curtain("apply", "a.yml", "b.yml", **SECRETS)

    assert (ran.code, "b.yml:2: credentials.c: is declared at a.yml:2 too" in ran.stderr) == (
        12,
        True,
    )


def test_faults_are_told_to_programs(curtain: Shell) -> None:
    (curtain.home / "a.yml").write_text("templates: {a: {}}\n")

    problem = json.loads(curtain("apply", "a.yml", "--json").stderr)

    assert problem["errors"][0] == {
        "place": "a.yml:1",
        "field": "templates.a.playbook",
        "message": "is required",
    }


def test_a_refusal_of_the_servers_tells_what_was_done_before_it(
    curtain: Shell, api: Client, site: Path
) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    gone = curtain.home / "gone.yml"
    gone.write_text(
        "templates: {}\ncredentials:\n"
        "  another: {kind: become_password, password: {env: HOOK_SECRET}}\n"
    )

    ran = curtain("apply", str(gone), "--prune", **SECRETS)

    assert ran.code == 12
    assert "template web: " in ran.stderr
    assert "site" in ran.stderr
    assert ran.out == "created credential another\n"


def test_what_is_exported_changes_nothing_when_it_is_applied(
    curtain: Shell, site: Path, repository: Repository
) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    exported = curtain.ok("export", "out")
    names = exported.stderr.partition(": ")[2].strip().split(", ")
    assert names == [
        "DEPLOY_KEY_PRIVATE_KEY",
        "NIGHTLY_PASSWORD",
        "OPS_URL",
        "SITE_SECRET",
        "SITE_TOKEN_PASSWORD",
    ]
    secrets = {
        "DEPLOY_KEY_PRIVATE_KEY": (site / "key").read_text(),
        "NIGHTLY_PASSWORD": SECRETS["NIGHT_SECRET"],
        "OPS_URL": "https://hooks.slack.com/services/T/B/secret",
        "SITE_SECRET": SECRETS["HOOK_SECRET"],
        "SITE_TOKEN_PASSWORD": SECRETS["SITE_TOKEN"],
    }

    assert curtain.ok("apply", "out", "--prune", **secrets).out == "nothing to change\n"
    written = curtain.ok("export").out
    (curtain.home / "again.yml").write_text(written)
    assert curtain.ok("apply", "again.yml", **secrets).out == "nothing to change\n"
    assert curtain.ok("export", "--json").json["templates"]["web"]["accepts"] == {
        "version": {"type": "string", "required": True},
        "password": {"type": "string", "secret": True},
    }


def test_exporting_does_not_write_over_what_is_there(curtain: Shell, site: Path) -> None:
    curtain.ok("apply", str(site), **SECRETS)
    (curtain.home / "out").mkdir()
    (curtain.home / "out" / "templates.yml").write_text("mine\n")

    ran = curtain("export", "out")

    assert ran.code == 64
    assert not (curtain.home / "out" / "hooks.yml").exists()
    curtain.ok("export", "out", "--force")


def test_the_words_of_yaml_1_1_are_texts(curtain: Shell, api: Client) -> None:
    values: dict[str, Any] = {"a": "on", "b": "12:30", "c": "2026-01-01", "d": 0o17}
    (curtain.home / "a.yml").write_text(
        "templates:\n  t:\n    playbook: {repository: 'https://h/r.git', path: s.yml}\n"
        "    inventory: {path: i}\n    vars: {a: on, b: 12:30, c: 2026-01-01, d: 0o17}\n"
    )

    curtain.ok("apply", "a.yml")

    assert api.call("GET", "/templates/t").json["spec"]["vars"] == values
