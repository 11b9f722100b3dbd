"""What credentials come to on the command line and in the environment."""

from pathlib import Path

import pytest

from runner.command import arguments, environment
from runner.keyring import PROGRAMS, keyring
from tests.unit.test_command import PATHS, order

KEY = {
    "name": "deploy",
    "kind": "ssh_key",
    "private_key": "KEY",
    "passphrase": None,
    "known_hosts": "web ssh-ed25519 AAAA\n",
    "host_keys": "strict",
    "username": None,
}
VAULT = {"name": "v", "kind": "vault_password", "password": "s3cret", "vault_id": "default"}
BECOME = {"name": "b", "kind": "become_password", "password": "s3cret"}
LOGIN = {"name": "l", "kind": "login_password", "password": "s3cret", "username": None}


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        (KEY, ["--private-key=/r/keyring/ssh_key-0"]),
        (
            {**KEY, "username": "ada"},
            ["--private-key=/r/keyring/ssh_key-0", "--user=ada"],
        ),
        (BECOME, ["--become-password-file=/r/keyring/become_password-0"]),
        (LOGIN, ["--connection-password-file=/r/keyring/login_password-0"]),
        (
            {**LOGIN, "username": "--become"},  # a value never becomes an option
            ["--connection-password-file=/r/keyring/login_password-0", "--user=--become"],
        ),
        (VAULT, ["--vault-id=default@/r/keyring/vault_password-0"]),
        ({**VAULT, "vault_id": "prod"}, ["--vault-id=prod@/r/keyring/vault_password-0"]),
    ],
)
def test_a_credential_is_a_file_on_the_command_line(credential, words):
    given = arguments(order(credentials=[credential]), PATHS)

    assert given[3:-2] == words
    assert not any("s3cret" in word or "KEY" in word for word in given)


def test_credentials_of_several_kinds_come_together():
    kept = keyring(order(credentials=[KEY, VAULT, {**VAULT, "vault_id": "prod"}, BECOME]))

    assert [path.name for path in kept.files] == [
        "ssh_key-0",
        "ssh_key-0.known_hosts",
        "vault_password-1",
        "vault_password-2",
        "become_password-3",
    ]
    assert len(kept.arguments) == 4
    assert "s3cret" not in repr(kept)


@pytest.mark.parametrize(
    ("changes", "files", "checking"),
    [
        ({}, '"/r/keyring/ssh_key-0.known_hosts"', "yes"),
        ({"host_keys": "accept-new", "known_hosts": None}, '"/known_hosts/deploy"', "accept-new"),
        (
            {"host_keys": "accept-new"},  # new ones are written into the first
            '"/known_hosts/deploy" "/r/keyring/ssh_key-0.known_hosts"',
            "accept-new",
        ),
        ({"known_hosts": None}, None, None),  # as the machine and ansible.cfg have it
    ],
)
def test_a_key_says_whose_host_keys_are_believed(changes, files, checking):
    environ = environment(order(credentials=[{**KEY, **changes}]))

    assert environ.get("CURTAIN_KNOWN_HOSTS") == files
    assert environ.get("CURTAIN_HOST_KEYS") == checking
    assert environ["ANSIBLE_SSH_EXECUTABLE"] == str(PROGRAMS / "ssh")


def test_a_template_may_bring_its_own_ssh():
    own = {"ANSIBLE_SSH_EXECUTABLE": "/opt/ssh"}

    assert environment(order(credentials=[KEY], environment=own))["ANSIBLE_SSH_EXECUTABLE"] == (
        "/opt/ssh"
    )


def test_without_credentials_nothing_is_added():
    kept = keyring(order())

    assert (kept.files, kept.arguments, kept.environment) == ({}, [], {})


def test_the_programs_are_there_and_can_be_started():
    for name in ("ssh", "sftp", "scp"):
        assert Path(PROGRAMS / name).stat().st_mode & 0o111 == 0o111
