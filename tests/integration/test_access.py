"""Repositories behind a password: a real server, real git, and what it got to see."""

from pathlib import Path

import pytest

from runner import git as git_command
from runner.checkout import checkout, resolve
from runner.errors import CheckoutFailed
from tests.remotes.https import redirect, slow, status

PASSWORD = "p/a@s:s%w#o?r d'\"$\\ü"
TOKEN = {"name": "forge", "kind": "git_https", "username": "ada@example.com", "password": PASSWORD}


def head(repository):
    return repository.git("rev-parse", "HEAD")


def fails_with(code):
    return pytest.raises(CheckoutFailed, check=lambda error: error.code == code)


@pytest.fixture
def https(serve_https):
    return serve_https({TOKEN["username"]: PASSWORD})


def test_a_password_of_any_characters_opens_a_repository(https, repository, access, tmp_path):
    opened = access(TOKEN)

    sha = resolve(https.url(), "main", access=opened)
    tree = checkout(tmp_path / "cache", https.url(), sha, tmp_path / "tree", access=opened)

    assert sha == head(repository)
    assert (tree.root / "site.yml").read_text() == "one"
    assert https.credentials == {f"{TOKEN['username']}:{PASSWORD}"}
    assert any(asked.method == "POST" for asked in https.asked)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("x-access-token", "ghp_0123"),
        ("ada", " begins and ends with a blank "),
        ("ada", "%40%2f\\n$(id)`id`"),
        ("o'brien", "it's"),
        ("a:b", "the first colon ends the user in HTTP"),
        ("-n", "-e"),
        ("ada/ops?#", "x"),
        ("日本", "パスワード"),
    ],
)
def test_users_and_passwords_arrive_as_they_are(
    username, password, serve_https, repository, access
):
    https = serve_https({username: password})

    opened = access({**TOKEN, "username": username, "password": password})

    assert resolve(https.url(), "main", access=opened) == head(repository)
    assert https.credentials == {f"{username}:{password}"}


def test_without_a_credential_a_protected_repository_is_refused(https):
    with fails_with("auth_failed"):
        resolve(https.url(), "main")

    assert https.credentials == set()


def test_a_wrong_password_is_refused_and_not_told(https, access):
    wrong = {**TOKEN, "password": "hunter2hunter2"}

    with fails_with("auth_failed") as caught:
        resolve(https.url(), "main", access=access(wrong))

    assert "hunter2" not in str(caught.value)
    assert https.host in str(caught.value)
    assert "Authentication failed" in str(caught.value)
    assert str(caught.value).endswith("(with credential 'forge')")


def test_a_certificate_of_nobody_known_says_how_to_believe_it(https, certificates):
    certificates.write_text("")

    with fails_with("host_not_trusted") as caught:
        resolve(https.url(), "main")

    assert "start the runner with GIT_SSL_CAINFO" in str(caught.value)


def test_a_revoked_password_fails_where_the_network_is_needed_and_nowhere_else(
    https, repository, access, tmp_path
):
    cache, opened = tmp_path / "cache", access(TOKEN)
    cached = resolve(https.url(), "main", access=opened)
    checkout(cache, https.url(), cached, tmp_path / "tree", access=opened)
    newer = repository.commit({"site.yml": "two"})
    https.users = {TOKEN["username"]: "another"}

    checkout(cache, https.url(), cached, tmp_path / "tree", access=opened)
    for ask in (
        lambda: resolve(https.url(), "main", access=opened),
        lambda: checkout(cache, https.url(), newer, tmp_path / "tree", access=opened),
    ):
        with fails_with("auth_failed"):
            ask()


def test_what_one_credential_has_fetched_is_given_to_nobody_without_it(
    https, repository, access, tmp_path
):
    cache, sha = tmp_path / "cache", head(repository)
    checkout(cache, https.url(), sha, tmp_path / "tree", access=access(TOKEN))

    for other in (None, access({**TOKEN, "name": "other", "password": "wrong"})):
        with fails_with("auth_failed"):
            checkout(cache, https.url(), sha, tmp_path / "other", access=other)

    assert not (tmp_path / "other").exists()


def test_a_redirect_to_another_host_gets_no_password(https, serve_https, access):
    other = serve_https({"nobody": "else"})
    https.answer = redirect(f"https://{other.host}")

    with fails_with("auth_failed") as caught:
        resolve(https.url(), "main", access=access(TOKEN))

    assert [asked.path for asked in other.asked]  # it was spoken to
    assert other.credentials == https.credentials == set()
    assert f"the credential is for https://{https.host} and nobody else" in str(caught.value)


def test_a_redirect_after_the_password_was_given_takes_it_nowhere(https, serve_https, access):
    other = serve_https({"nobody": "else"})
    there = redirect(f"https://{other.host}")
    https.answer = lambda handler: https.admits(https.asked[-1]) and there(handler)

    with fails_with("auth_failed"):
        resolve(https.url(), "main", access=access(TOKEN))

    assert https.credentials
    assert other.asked
    assert other.credentials == set()


@pytest.mark.parametrize(
    "trick",
    [
        "https://x@{other}",
        "https://x%40{https}@{other}",
        "https://x%40{https}%2F@{other}",
        "https://{https}%27%3A%20@{other}",  # the end of a question of git's
    ],
)
def test_a_user_in_a_redirect_does_not_make_it_another_host(trick, https, serve_https, access):
    other = serve_https({"nobody": "else"})
    encoded = https.host.replace(":", "%3A")
    https.answer = redirect(trick.format(https=encoded, other=other.host))

    with fails_with("auth_failed"):
        resolve(https.url(), "main", access=access(TOKEN))

    assert other.asked
    assert not any(PASSWORD in sent for sent in other.credentials)


def test_a_redirect_on_the_same_host_gets_the_password(https, repository, access):
    here = redirect(f"https://{https.host}/repository")

    def moved(handler):
        handler.path = handler.path.removeprefix("/old")
        return here(handler) if https.asked[-1].path.startswith("/old") else False

    https.answer = moved
    repository_elsewhere = repository.path.with_name("repository") / "repository"
    repository_elsewhere.symlink_to(repository.path)

    assert resolve(https.url("old"), "main", access=access(TOKEN)) == head(repository)


@pytest.mark.parametrize(
    ("changes", "url", "code", "words"),
    [
        ({"host": "git.example.com"}, "https://{host}/a", "auth_failed", "is for git.example.com"),
        ({"host": "127.0.0.1"}, "https://{host}/a", "auth_failed", "not for 127.0.0.1:"),
        ({}, "ssh://{host}/a", "auth_failed", "git_https: ssh:// cannot use it"),
        ({}, "file:///{host}/a", "auth_failed", "git_https: file:// cannot use it"),
        (
            {"kind": "ssh_key", "private_key": "x", "known_hosts": None, "host_keys": "strict"},
            "ssh://git@{host}/a",
            "host_not_trusted",
            "has no known_hosts",
        ),
        ({"kind": "ssh_key"}, "https://{host}/a", "auth_failed", "https:// cannot use it"),
    ],
)
def test_a_credential_that_is_not_for_a_server_is_not_shown_to_it(
    changes, url, code, words, https, access, run_directory
):
    opened = access({**TOKEN, **changes})

    with fails_with(code) as caught:
        resolve(url.format(host=https.host), "main", access=opened)

    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert not https.asked
    assert not any(run_directory.iterdir())


def test_a_credential_that_names_its_host_is_used_there(https, repository, access):
    opened = access({**TOKEN, "host": https.host})

    assert resolve(https.url(), "main", access=opened) == head(repository)


def test_the_netrc_of_the_runners_user_is_not_read(https, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    line = f"machine 127.0.0.1 login {TOKEN['username']} password secret\n"
    (home / ".netrc").write_text(line)
    monkeypatch.setenv("HOME", str(home))
    https.users = {TOKEN["username"]: "secret"}

    with fails_with("auth_failed"):
        resolve(https.url(), "main")

    assert https.credentials == set()


def test_the_password_is_in_no_argument_environment_or_file_but_one(
    https, access, run_directory, tmp_path
):
    seen = []

    def look(handler):
        if https.asked[-1].user:
            seen.append(ways_to_see(PASSWORD))
            files = [path for path in run_directory.rglob("*") if path.is_file()]
            seen.append([(path.name, path.stat().st_mode & 0o777) for path in files])
        return False

    https.answer = look
    resolve(https.url(), "main", access=access(TOKEN))

    assert seen[:2] == [[], [("answers", 0o600)]]
    assert (run_directory / "access").stat().st_mode & 0o777 == 0o700
    assert not list((run_directory / "access").iterdir())


def ways_to_see(secret):
    """List the arguments and environments on this machine that hold *secret*, but the test's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                if secret.encode() in (process / name).read_bytes():
                    found.append(f"{process.name} {name}")
            except OSError:
                continue
    return found


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(403), "auth_failed"),
        (status(404), "repo_not_found"),
        (status(500), "remote_unavailable"),
        (status(429), "remote_unavailable"),
    ],
)
def test_an_error_of_the_server_is_told_as_what_it_is(answer, code, https, access):
    https.answer = answer

    with fails_with(code):
        resolve(https.url(), "main", access=access(TOKEN))


def test_a_server_whose_certificate_is_unknown_gets_no_password(https, access, certificates):
    certificates.write_text("")

    with fails_with("host_not_trusted"):
        resolve(https.url(), "main", access=access(TOKEN))

    assert not https.asked


def test_a_remote_that_trickles_is_given_up(https, access, monkeypatch):
    monkeypatch.setitem(git_command.ENVIRONMENT, "GIT_HTTP_LOW_SPEED_TIME", "1")
    https.answer = slow

    with fails_with("remote_unavailable"):
        resolve(https.url(), "main", access=access(TOKEN))
