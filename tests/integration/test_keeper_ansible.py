"""Stopping a real ansible-playbook whose task starts what nobody would find again."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.keeping import Kept, keepers

# ansible-core 2.19 puts its workers in sessions of their own, so the leader's group is not the run.
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: leave two behind
      shell: |
        exec >/dev/null 2>&1
        setsid sleep 121 &
        (env -i setsid sh -c 'sleep 122 & exit' &)
    - name: start one in the background
      command: sleep 123
      async: 120
      poll: 0
    - name: tell
      debug: msg=ready
    - name: stay
      shell: sleep 124
"""
TASK_COMMANDS = {"sleep 121", "sleep 122", "sleep 123", "sleep 124"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    with keepers(tmp_path) as start_keeper:
        yield start_keeper


@pytest.fixture
def play(start: Callable[..., Kept], tmp_path: Path) -> Callable[[], Kept]:
    playbook = tmp_path / "site.yml"
    playbook.write_text(PLAYBOOK)
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "ANSIBLE_ASYNC_DIR": str(tmp_path / "async"),
        "HOME": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }

    def play_until_it_stays() -> Kept:
        kept = start(environment=environment)
        kept.play([str(program), "--inventory=localhost,", str(playbook)], timeout=60)
        kept.wait_for_commands(TASK_COMMANDS)
        return kept

    return play_until_it_stays


@pytest.mark.parametrize(
    ("request_", "code", "signalled"),
    [
        (b"s", 99, ["INT"]),  # ansible ended its workers itself
        (b"k", -9, ["KILL"]),
        (b"", -15, ["TERM"]),  # the runner died
    ],
    ids=["graceful", "forced", "orphaned"],
)
def test_a_stopped_playbook_leaves_nothing_alive(play, request_, code, signalled):
    kept = play()
    sessions = {os.getsid(pid) for pid in kept.living()}
    kept.send(request_) if request_ else kept.abandon()
    exited = kept.wait_for_end()

    assert len(sessions) >= 4  # or there was nothing to prove
    assert (exited["code"], exited["signalled"]) == (code, signalled)
    assert kept.events("gone")[0]["seconds"] < 10  # the grace
    assert kept.living() == []
