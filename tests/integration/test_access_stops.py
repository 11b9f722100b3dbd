"""Remotes that hang while a run is stopped or killed: nobody is left, and secrets where they go."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.leading import INSTALLATION, make_order, marked_processes, remove_sockets, run
from tests.living import living
from tests.remotes.https import silent, silent_for_fetches, slow
from tests.remotes.others import mute_server
from tests.remotes.sshd import make_key

PASSWORD = "p/a@s:s%w#o?r d"
TOKEN = {
    "name": "forge",
    "scope": "forge",
    "kind": "git_https",
    "username": "ada",
    "password": PASSWORD,
    "host": None,
}


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository) | {"protocols": ["https", "ssh"]}
    remove_sockets(tmp_path)


@pytest.fixture
def hanging(order, serve_https, certificates):
    """An order of a repository whose server hangs in a certain way."""

    def make(answer):
        https = serve_https({"ada": PASSWORD})
        https.answer = lambda handler: https.admits(https.asked[-1]) and answer(handler)
        playbook = order["playbook"] | {"repository": https.url()}
        return https, order | {
            "playbook": playbook,
            "access": {"playbook": TOKEN, "inventory": None},
        }

    return make


GRACE = 30.0  # seconds, which nobody needs: none had to be killed


def holds(directory, secret=PASSWORD):
    """Find the files below *directory* that hold the secret."""
    files = [path for path in Path(directory).rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("answer", [silent, silent_for_fetches, slow])
def test_a_stop_while_a_remote_hangs_is_immediate_and_leaves_nobody(
    answer, hanging, certificates, tmp_path
):
    https, order = hanging(answer)
    is_fetch = answer is silent_for_fetches

    def hangs():
        return sum(asked.user is not None for asked in https.asked) > 2 * is_fetch

    ended = run(order, hangs, grace=GRACE, GIT_SSL_CAINFO=str(certificates))

    assert ended.events["gone"]["seconds"] < GRACE
    assert "prepared" not in ended.events
    assert not marked_processes()
    assert all(path.is_relative_to(order["directory"]) for path in holds(tmp_path))


@pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh here: install openssh-client")
def test_a_stop_while_an_ssh_server_says_nothing_is_immediate(order, tmp_path):
    key = {
        "name": "deploy",
        "scope": "deploy",
        "kind": "ssh_key",
        "private_key": make_key(tmp_path / "key"),
        "known_hosts": None,
        "host_keys": "accept-new",
        "username": "git",
    }
    line = key["private_key"].splitlines()[1]
    (tmp_path / "key").unlink()
    with mute_server() as port:
        playbook = order["playbook"] | {"repository": f"ssh://127.0.0.1:{port}/a"}
        access = {"playbook": key, "inventory": None}

        def hangs():
            return "ssh" in [process.name() for process in living(INSTALLATION)]

        ended = run(order | {"playbook": playbook, "access": access}, hangs, grace=GRACE)

    assert ended.events["gone"]["seconds"] < GRACE
    assert not marked_processes()
    assert all(path.is_relative_to(order["directory"]) for path in holds(tmp_path, line))


def test_what_a_killed_leader_leaves_is_below_the_runs_directory(hanging, certificates, tmp_path):
    https, order = hanging(silent)

    def kill():
        """Kill the leader when the password was sent; its keeper ends the rest."""
        if not https.credentials:
            return False
        leader = min(living(INSTALLATION), key=lambda process: process.create_time())
        os.kill(leader.pid, signal.SIGKILL)
        return True

    run(order, kill, GIT_SSL_CAINFO=str(certificates))

    assert not marked_processes()
    assert [path.parents[1] for path in holds(tmp_path)] == [Path(order["directory"]) / "access"]
