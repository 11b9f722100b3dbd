"""Passwords that Ansible puts into shared memory, and who removes what a kill leaves of them."""

import os
import subprocess
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from runner.left_passwords import BLOCKS, sweep_passwords
from tests.leading import make_order, marked_processes, remove_sockets, run
from tests.repositories import make_repository

PASSWORD = b'{"password": "p/a@s:s%w#o?r d", "prompt": "assword"}'


@pytest.fixture
def block(tmp_path):
    """Make a block as Ansible does, an hour ago."""

    def make(content=PASSWORD, age=3600, name="psm_0a0a0a0a"):
        path = tmp_path / name
        path.write_bytes(content.ljust(16384, b"\0"))
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
        return path

    return make


def test_a_password_that_nobody_was_told_of_is_removed(block, tmp_path):
    left = block()

    sweep_passwords(tmp_path)

    assert not left.exists()


@pytest.mark.parametrize(
    "other",
    [
        {"age": 0},  # whoever is to be told is perhaps being started
        {"content": b"numbers of somebody else"},
        {"name": "sem.other"},
    ],
)
def test_what_is_young_or_no_password_stays(other, block, tmp_path):
    stays = block(**other)

    sweep_passwords(tmp_path)

    assert stays.exists()


def test_a_link_is_not_followed(block, tmp_path):
    target = block(name="target")
    (tmp_path / "psm_link").symlink_to(target)

    sweep_passwords(tmp_path)

    assert target.exists()


def test_a_password_stays_while_an_ssh_that_was_told_of_it_lives(block, tmp_path):
    told = block()
    ssh = subprocess.Popen(
        ["sleep", "300"], env={**os.environ, "_ANSIBLE_SSH_ASKPASS_SHM": told.name}
    )
    try:
        sweep_passwords(tmp_path)
        assert told.exists()
    finally:
        ssh.kill()
        ssh.wait()

    sweep_passwords(tmp_path)
    assert not told.exists()


def test_what_a_killed_ansible_leaves_is_found_and_removed(tmp_path):
    """An ssh that ignores every signal but SIGKILL: Ansible is killed while it has it."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f"#!/bin/sh\ntrap '' INT TERM HUP\necho $_ANSIBLE_SSH_ASKPASS_SHM >{tmp_path}/name.new\n"
        f"mv {tmp_path}/name.new {tmp_path}/name\nsleep 300\nsleep 300\n"
    )
    ssh.chmod(0o755)
    played = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: id\n"
    repository = make_repository(tmp_path / "repository", {"site.yml": played})
    login = {"name": "l", "kind": "login_password", "password": "p@ss w%rd", "username": "ada"}
    order = make_order(tmp_path, repository) | {
        "credentials": [login],
        "inventory": {"content": "web\n"},
        "environment": {"ANSIBLE_SSH_EXECUTABLE": str(ssh)},
    }

    run(order, (tmp_path / "name").exists)
    remove_sockets(tmp_path)

    assert not marked_processes()
    left = BLOCKS / Path((tmp_path / "name").read_text().strip()).name
    if left.exists():  # Ansible may have had the time to remove it
        os.utime(left, (0, 0))
        sweep_passwords()
    assert not left.exists()


def test_shared_memory_is_where_it_is_looked_for():
    memory = SharedMemory(create=True, size=64)
    try:
        assert (BLOCKS / memory.name).exists()
        assert memory.name.startswith("psm_")
    finally:
        memory.close()
        memory.unlink()
