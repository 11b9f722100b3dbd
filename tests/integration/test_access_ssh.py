"""Repositories behind a key: a real sshd, real git, and whose host keys are believed."""

import os
import subprocess

import pytest

from runner.access import Access
from runner.checkout import checkout, resolve
from runner.errors import CheckoutFailed
from runner.git import redact
from tests.remotes.others import git_daemon, mute_server
from tests.remotes.sshd import make_key, sshd_server
from tests.waiting import wait_until


def head(repository):
    return repository.git("rev-parse", "HEAD")


def fails_with(code):
    return pytest.raises(CheckoutFailed, check=lambda error: error.code == code)


@pytest.fixture
def key(sshd):
    """A credential that the sshd lets in."""
    return {
        "name": "deploy",
        "scope": "deploy",
        "kind": "ssh_key",
        "private_key": (sshd.folder / "user").read_text(),
        "known_hosts": sshd.known_hosts,
        "host_keys": "strict",
        "username": None,
    }


def test_a_key_opens_a_repository_of_a_known_host(sshd, repository, key, access, tmp_path):
    url, opened = sshd.url(repository.path), access(key)

    sha = resolve(url, "main", access=opened)
    tree = checkout(tmp_path / "cache", url, sha, tmp_path / "tree", access=opened)

    assert (tree.root / "site.yml").read_text() == "one"
    assert not list((tmp_path / "run" / "access").iterdir())


def test_a_key_works_below_a_path_of_any_characters(sshd, repository, key, tmp_path):
    odd = tmp_path / 'it\'s 100%h "odd" \\ ~'
    odd.mkdir()
    opened = Access({**key, "host_keys": "accept-new"}, odd / "access", odd / "known_hosts")

    assert resolve(sshd.url(repository.path), "main", access=opened) == head(repository)


def test_a_user_of_the_credential_is_who_logs_in_if_the_url_names_none(
    sshd, repository, key, access
):
    bare = f"ssh://127.0.0.1:{sshd.port}{repository.path}"
    stranger = access({**key, "username": "nobody-at-all"})

    with fails_with("auth_failed"):
        resolve(bare, "main", access=stranger)
    assert resolve(sshd.url(repository.path), "main", access=stranger) == head(repository)
    assert "nobody-at-all" in sshd.log


def test_another_key_is_refused(sshd, repository, key, access, tmp_path):
    other = make_key(tmp_path / "other")

    with fails_with("auth_failed") as caught:
        resolve(sshd.url(repository.path), "main", access=access({**key, "private_key": other}))
    assert str(caught.value).endswith("(with credential 'deploy')")


def test_a_key_is_the_only_one_that_is_tried(sshd, repository, key, access, tmp_path, monkeypatch):
    """The runner's agent has a key that would be let in."""
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        add = ["ssh-add", "-q", str(sshd.folder / "user")]
        wait_until(lambda: subprocess.run(add, capture_output=True).returncode == 0)
        other = make_key(tmp_path / "other")

        with fails_with("auth_failed"):
            resolve(sshd.url(repository.path), "main", access=access({**key, "private_key": other}))
    finally:
        agent.terminate()
        agent.wait()


def test_a_host_that_is_not_known_is_refused(sshd, repository, key, access):
    stranger = sshd.known_hosts.replace("127.0.0.1", "127.0.0.2")

    with fails_with("host_not_trusted") as caught:
        resolve(sshd.url(repository.path), "main", access=access({**key, "known_hosts": stranger}))

    assert f"credential 'deploy' knows no host key of 127.0.0.1:{sshd.port}" in str(caught.value)
    assert "Accepted" not in sshd.log


def test_a_host_whose_key_has_changed_is_refused(sshd, repository, key, access):
    url = sshd.url(repository.path)
    resolve(url, "main", access=access(key))
    sshd.change_host_key()

    with fails_with("host_not_trusted") as caught:
        resolve(url, "main", access=access(key))
    assert str(caught.value) == (
        f"{redact(url)}: the host key of 127.0.0.1:{sshd.port} is not the one that credential "
        "'deploy' knows: if it was changed on purpose, put the new one in its known_hosts"
    )


@pytest.mark.parametrize("given", [None, "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n"])
def test_an_accepted_host_is_remembered_for_its_credential(
    given, sshd, repository, key, access, tmp_path
):
    url = sshd.url(repository.path)
    lenient = {**key, "known_hosts": given, "host_keys": "accept-new"}

    assert resolve(url, "main", access=access(lenient)) == head(repository)
    sshd.change_host_key()

    with fails_with("host_not_trusted") as caught:
        resolve(url, "main", access=access(lenient))
    assert "remembers it in CURTAIN_DATA/known_hosts/deploy" in str(caught.value)
    assert str(tmp_path / "run") not in str(caught.value)
    assert "@@@" not in str(caught.value)
    assert resolve(url, "main", access=access({**lenient, "name": "another"})) == head(repository)
    assert sorted(os.listdir(tmp_path / "known_hosts")) == ["another", "deploy"]


def test_a_changed_host_is_believed_once_its_new_key_is_given(sshd, repository, key, access):
    url = sshd.url(repository.path)
    lenient = {**key, "known_hosts": None, "host_keys": "accept-new"}
    resolve(url, "main", access=access(lenient))
    sshd.change_host_key()

    told = {**lenient, "known_hosts": sshd.known_hosts}

    assert resolve(url, "main", access=access(told)) == head(repository)


def test_an_ssh_server_without_the_newer_protocol_gives_what_its_branches_lead_to(
    repository, access, tmp_path
):
    first = head(repository)
    repository.commit({"site.yml": "two"})
    with sshd_server(tmp_path / "old", protocol=0) as old:
        key = {
            "name": "old",
            "scope": "old",
            "kind": "ssh_key",
            "private_key": (old.folder / "user").read_text(),
            "known_hosts": old.known_hosts,
            "host_keys": "strict",
            "username": None,
        }
        url, cache = old.url(repository.path), tmp_path / "cache"

        checkout(cache, url, first, tmp_path / "tree", access=access(key))

    assert (tmp_path / "tree" / "site.yml").read_text() == "one"


def test_a_git_daemon_is_asked_where_its_protocol_is_allowed(repository, tmp_path):
    with git_daemon(repository.path.parent) as port:
        url = f"git://127.0.0.1:{port}/repository"

        sha = resolve(url, "main", ("git",))
        checkout(tmp_path / "cache", url, sha, tmp_path / "tree", ("git",))

        with fails_with("url_not_allowed"):
            resolve(url, "main")

    assert (tmp_path / "tree" / "site.yml").read_text() == "one"


def test_an_ssh_server_without_a_banner_is_given_up(key, access, monkeypatch):
    monkeypatch.setattr("runner.access.SSH", ("-o", "BatchMode=yes", "-o", "ConnectTimeout=1"))
    with mute_server() as port, fails_with("remote_unavailable"):
        resolve(f"ssh://ada@127.0.0.1:{port}/a", "main", access=access(key))
