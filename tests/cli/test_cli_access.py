"""Signing in: where the token is kept, who gets it, and what the environment says."""

import http.server
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.cli.conftest import Shell
from tests.formation import TOKEN


def test_login_checks_the_token_and_keeps_it_for_its_owner_alone(stranger: Shell, url: str) -> None:
    told = stranger.ok("login", url, "--name", "here", "--json", given=TOKEN + "\n").json

    file = stranger.home / ".config" / "curtain" / "config.toml"
    assert (told["context"], told["me"]["name"]) == ("here", "admin")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stranger.ok("whoami", "--json").json["name"] == "admin"
    assert stranger.ok("ps").code == 0


def test_a_token_that_is_not_believed_is_not_kept(stranger: Shell, url: str) -> None:
    ran = stranger("login", url, given="wrong-token-of-nobody\n")

    assert ran.code == 10
    assert not (stranger.home / ".config" / "curtain").exists()
    assert "wrong-token-of-nobody" not in ran.stderr


@pytest.mark.parametrize("command", [["ps"], ["run", "x"], ["doctor"], ["apply", "a.yml"]])
def test_who_has_not_signed_in_is_told_how(stranger: Shell, command: list[str]) -> None:
    (stranger.home / "a.yml").write_text("hooks: {}\n")
    ran = stranger(*command)

    assert ran.code == 10
    assert "curtain login" in ran.stderr


def test_contexts_are_listed_and_chosen_by_name(stranger: Shell, url: str) -> None:
    for name in ("one", "two"):
        stranger.ok("login", url, "--name", name, given=TOKEN)

    assert stranger.ok("contexts", "one", "--json").json["contexts"] == [
        {"name": "one", "url": url, "current": True},
        {"name": "two", "url": url, "current": False},
    ]
    assert stranger.ok("ps", "--context", "two").code == 0
    assert stranger("ps", "--context", "three").code == 64
    assert stranger.ok("logout", "--json").json == {"forgotten": ["one"]}
    assert stranger("ps").code == 10
    assert TOKEN not in stranger.ok("contexts").out


def test_xdg_says_where_the_file_is(stranger: Shell, url: str, tmp_path: Path) -> None:
    stranger.ok("login", url, given=TOKEN, XDG_CONFIG_HOME=str(tmp_path / "xdg"))

    assert (tmp_path / "xdg" / "curtain" / "config.toml").exists()


class Listening(http.server.BaseHTTPRequestHandler):
    """Somebody else's server, which sends callers on."""

    tokens: ClassVar[list[str | None]] = []
    target = ""

    def do_GET(self) -> None:
        self.tokens.append(self.headers.get("Authorization"))
        self.send_response(302)
        self.send_header("Location", self.target)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Listening.tokens = []
    with http.server.HTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_kept_token_is_sent_to_its_own_server_only(
    stranger: Shell, url: str, elsewhere: str
) -> None:
    stranger.ok("login", url, given=TOKEN)

    assert stranger("ps", CURTAIN_URL=elsewhere).code == 10
    assert Listening.tokens == []


def test_a_redirect_is_told_and_not_followed(stranger: Shell, url: str, elsewhere: str) -> None:
    Listening.target = url

    ran = stranger("ps", CURTAIN_URL=elsewhere, CURTAIN_TOKEN=TOKEN)

    assert (ran.code, len(Listening.tokens)) == (13, 1)
    assert f"sends callers on to {url}" in ran.stderr


def test_the_environment_counts_more_than_the_file(stranger: Shell, url: str) -> None:
    stranger.ok("login", url, given=TOKEN)

    assert stranger("ps", CURTAIN_TOKEN="another-token").code == 10
    assert stranger("ps", CURTAIN_URL="http://127.0.0.1:1", CURTAIN_TOKEN=TOKEN).code == 13


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://me:secret@curtain.example", "must not hold a user or password"),
        ("ftp://curtain.example", "is not the address of a server"),
        ("https://curtain.example?x", "is not the address of a server"),
    ],
)
def test_an_address_that_is_none_is_wrong_usage(stranger: Shell, url: str, words: str) -> None:
    ran = stranger("login", url, given=TOKEN)

    assert ran.code == 64
    assert words in ran.stderr


def test_a_broken_file_is_told_with_its_place(stranger: Shell) -> None:
    file = stranger.home / ".config" / "curtain" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("nonsense")

    ran = stranger("ps", "--json")

    assert ran.code == 64
    assert str(file) in json.loads(ran.stderr)["detail"]
