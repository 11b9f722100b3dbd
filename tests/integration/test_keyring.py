"""Ansible with its credentials: a real leader, a real ansible-playbook, a real sshd."""

import getpass
import sys
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.leading import again, make_order, remove_sockets, run
from tests.remotes.sshd import make_key
from tests.repositories import make_repository

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo "arrived at {{ ansible_host }}"
      register: answer
    - debug: var=answer.stdout
    - copy: {content: "sent", dest: "{{ to }}"}
"""


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": PLAYBOOK})


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository)
    remove_sockets(tmp_path)


@pytest.fixture
def key(sshd):
    """A credential that the sshd lets in."""
    return {
        "name": "deploy",
        "kind": "ssh_key",
        "private_key": (sshd.folder / "user").read_text(),
        "passphrase": None,
        "known_hosts": sshd.known_hosts,
        "host_keys": "strict",
        "username": getpass.getuser(),
    }


@pytest.fixture
def remote(order, sshd, tmp_path):
    """The order, on a host that ssh reaches."""
    host = {
        "ansible_host": "127.0.0.1",
        "ansible_port": sshd.port,
        "ansible_python_interpreter": sys.executable,
        "ansible_remote_tmp": tmp_path / "remote",
        "to": tmp_path / "copied",
    }
    line = " ".join(["web", *(f"{name}={value}" for name, value in host.items())])
    return order | {"inventory": {"content": f"{line}\n"}}


# Keys.


def test_a_key_reaches_a_known_host(remote, key, tmp_path):
    ended = run(remote | {"credentials": [key]})

    assert ended.events["exit"]["code"] == 0, ended
    assert "arrived at 127.0.0.1" in ended.output
    assert (tmp_path / "copied").read_text() == "sent"  # by sftp, which has its own connection


def test_another_key_does_not(remote, key, tmp_path):
    ended = run(remote | {"credentials": [{**key, "private_key": make_key(tmp_path / "other")}]})

    assert ended.events["exit"]["code"] == 4, ended
    assert "Permission denied" in ended.output


@pytest.mark.parametrize(
    "weakening",
    [
        "[defaults]\nhost_key_checking = False\n",
        "[ssh_connection]\nssh_args = -o StrictHostKeyChecking=no\n",
        "[ssh_connection]\nssh_common_args = -o UserKnownHostsFile=/dev/null"
        " -o StrictHostKeyChecking=no\n",
    ],
)
def test_a_repository_cannot_weaken_whose_host_keys_are_believed(
    weakening, remote, key, repository, sshd
):
    repository.commit({"ansible.cfg": weakening})
    stranger = sshd.known_hosts.replace("127.0.0.1", "127.0.0.2")

    ended = run(remote | {"credentials": [{**key, "known_hosts": stranger}]})

    assert ended.events["exit"]["code"] == 4, ended
    assert "Host key verification failed" in ended.output
    assert "Accepted" not in sshd.log


def test_what_a_repository_says_to_ssh_still_counts(remote, key, repository, sshd):
    """Only by its ansible.cfg is the port known."""
    extra = f"[ssh_connection]\nssh_extra_args = -o Port={sshd.port}\nsftp_extra_args = -P 1\n"
    repository.commit({"ansible.cfg": extra, "site.yml": PLAYBOOK.rpartition("    - copy")[0]})
    content = remote["inventory"]["content"].replace(f"ansible_port={sshd.port} ", "")

    ended = run(remote | {"credentials": [key], "inventory": {"content": content}})

    assert ended.events["exit"]["code"] == 0, ended


def test_a_host_that_was_accepted_must_keep_its_key(remote, key, sshd, tmp_path):
    order = remote | {"credentials": [{**key, "known_hosts": None, "host_keys": "accept-new"}]}

    assert run(order).events["exit"]["code"] == 0
    assert "ssh-ed25519" in (tmp_path / "known_hosts" / "deploy").read_text()
    sshd.change_host_key()
    ended = run(again(order))

    assert ended.events["exit"]["code"] == 4, ended
    assert "Host key verification failed" in ended.output


def test_a_key_that_says_nothing_of_hosts_leaves_them_to_ansible(remote, key, repository):
    repository.commit({"ansible.cfg": "[defaults]\nhost_key_checking = False\n"})

    ended = run(remote | {"credentials": [{**key, "known_hosts": None}]})

    assert ended.events["exit"]["code"] == 0, ended


# Vault passwords.


def encrypted(text, password, vault_id="default"):
    """Encrypt as `ansible-vault encrypt --vault-id` does."""
    secret = VaultSecret(password.encode())
    return VaultLib([(vault_id, secret)]).encrypt(text, secret, vault_id).decode()


def vault(password, vault_id):
    return {
        "name": f"vault-{vault_id}",
        "kind": "vault_password",
        "password": password,
        "vault_id": vault_id,
    }


VAULTS = [vault("the f1rst / @ %", "default"), vault("the s3cond", "prod")]
TELLING = """
- hosts: all
  gather_facts: false
  vars_files: [secrets.yml]
  tasks:
    - debug: msg="{{ from_file }} {{ from_inventory }} {{ from_group }}"
"""


@pytest.fixture
def vaulted(order, repository):
    """An order whose variables are encrypted: a file, one in the inventory, one beside it."""
    (first, second) = VAULTS
    inline = encrypted("two", second["password"], "prod").replace("\n", "\n            ")
    repository.commit(
        {
            "site.yml": TELLING,
            "secrets.yml": encrypted("from_file: one\n", first["password"]),
            "group_vars/all.yml": encrypted("from_group: three\n", second["password"], "prod"),
        }
    )
    content = (
        "all:\n  hosts:\n    localhost:\n      ansible_connection: local\n"
        f"      from_inventory: !vault |\n            {inline}\n"
    )
    return order | {"inventory": {"content": content}}


def test_vault_passwords_open_files_and_variables_of_either_id(vaulted):
    ended = run(vaulted | {"credentials": VAULTS})

    assert ended.events["exit"]["code"] == 0, ended
    assert "one two three" in ended.output


@pytest.mark.parametrize("given", [[], [VAULTS[1]], [vault("wrong", "default"), VAULTS[1]]])
def test_without_the_right_one_the_run_fails_with_ansibles_words(given, vaulted):
    ended = run(vaulted | {"credentials": given})

    assert ended.events["exit"]["code"] != 0
    assert "vault" in ended.output.lower()


# Passwords of hosts.

SUDO = """#!/bin/sh
# Asks as sudo does, for one password.
while :; do
    case $1 in
    -p) prompt=$2; shift 2 ;;
    -u) shift 2 ;;
    -*) shift ;;
    *) break ;;
    esac
done
printf %s "$prompt" >&2
IFS= read -r given
[ "$given" = "$(cat {secret})" ] || { echo "Sorry, try again." >&2; exit 1; }
exec "$@"
"""
BECOMING = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - raw: echo became
"""


@pytest.mark.parametrize(("given", "code"), [("p@ss w%rd'\"#", 0), ("wrong", 2)])
def test_a_become_password_is_what_sudo_gets(given, code, order, repository, tmp_path):
    (tmp_path / "secret").write_text("p@ss w%rd'\"#")
    sudo = tmp_path / "sudo"
    sudo.write_text(SUDO.replace("{secret}", str(tmp_path / "secret")))
    sudo.chmod(0o755)
    repository.commit({"site.yml": BECOMING})
    credential = {"name": "b", "kind": "become_password", "password": given}
    environment = {"ANSIBLE_BECOME_EXE": str(sudo), "ANSIBLE_BECOME_ALLOW_SAME_USER": "1"}

    ended = run(order | {"credentials": [credential], "environment": environment})

    assert ended.events["exit"]["code"] == code, ended


def test_a_login_password_is_what_ssh_is_told(order, tmp_path):
    """An ssh that the template brings asks for the password as ssh does, and keeps it."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\n"$SSH_ASKPASS" "ada@web\'s password: " >{tmp_path}/told\n'
        f'echo "$@" >{tmp_path}/words\nexit 255\n'
    )
    ssh.chmod(0o755)
    credential = {
        "name": "l",
        "kind": "login_password",
        "password": "p@ss w%rd'\"#",
        "username": "ada",
    }

    ended = run(
        order
        | {
            "credentials": [credential],
            "inventory": {"content": "web\n"},
            "environment": {"ANSIBLE_SSH_EXECUTABLE": str(ssh)},
        }
    )

    assert ended.events["exit"]["code"] == 4, ended
    assert (tmp_path / "told").read_text().strip() == credential["password"]
    assert 'User="ada"' in (tmp_path / "words").read_text()


# Files.


def test_the_keyring_is_for_this_user_alone_and_in_the_runs_directory(remote, key):
    run(remote | {"credentials": [key, *VAULTS]})

    directory = Path(remote["directory"]) / "keyring"
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {
        "ssh_key-0": 0o600,
        "ssh_key-0.known_hosts": 0o600,
        "vault_password-1": 0o600,
        "vault_password-2": 0o600,
    }
    assert directory.stat().st_mode & 0o777 == 0o700
