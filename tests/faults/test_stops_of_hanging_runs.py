"""A stop of a run that hangs, or floods: it ends all the same."""

import os
import socket

import pytest

from runner.run import RunState
from tests import playbooks
from tests.audit import running
from tests.faults.stopping import await_truth, declare_sleeping
from tests.repositories import make_repository
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine


@pytest.fixture
def silent_port():
    """A port whose server takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def hanging_disk(tmp_path, word):
    """The path of a repository that git can open and not read."""
    repository = make_repository(tmp_path / word, {"site.yml": playbooks.HELLO})
    os.mkfifo(repository.path / ".git" / "packed-refs")
    return repository.path


def test_a_stop_of_a_hanging_clone(roomy_world, silent_port, hanging_disk):
    """Of each kind, gracefully and by force."""
    world = roomy_world
    sources = {
        "https": (f"https://127.0.0.1:{silent_port}/ops.git", "main"),
        "ssh": (f"ssh://git@127.0.0.1:{silent_port}/ops.git", "main"),
        "disk": (f"file://{hanging_disk}", "main"),  # git ls-remote hangs
        # git fetch hangs; the second run waits for the first one's, of the same store
        "pinned": (f"file://{hanging_disk}", "a" * 40),
    }
    for name, (url, ref) in sources.items():
        source = {"repository": url, "ref": ref, "path": "site.yml"}
        world.declare(name, playbook=source)
    for name in sources:
        runs = [world.trigger(name) for _ in range(2)]
        for run in runs:
            wait_until(lambda run=run: world.family(run))
        wait_until(lambda runs=runs: any(_is_cloning(world, run) for run in runs))

        for force, run in zip((False, True), runs, strict=True):
            world.stop(run, force=force, reason="because")

        for run in runs:
            assert await_truth(world, run).state is RunState.STOPPED, name
            assert world.executions(run) == []
    for trace in (f"127.0.0.1:{silent_port}", f"-p {silent_port}", str(hanging_disk)):
        assert running(trace) == []


def _is_cloning(world, run):
    return any(member.command.startswith("git") for member in world.family(run))


#: An inventory that never answers: as such, and one that defends itself.
SLOW = "#!/bin/sh\nsleep {word}\n"
DEAF = "#!/bin/sh\ntrap '' TERM INT HUP\nsetsid sleep {word} &\nwhile :; do sleep {word}; done\n"


def test_a_stop_of_a_hanging_inventory(roomy_world, word):
    """A program of the repository's says which hosts there are, and does not come to it."""
    world = roomy_world
    for name, script in (("slow", SLOW), ("deaf", DEAF)):
        file = world.repository.path / f"{name}.sh"
        file.write_text(script.format(word=word))
        file.chmod(0o755)
        world.declare(name, playbooks.HELLO, inventory={"path": file.name})
    runs = {(name, force): world.trigger(name) for name in ("slow", "deaf") for force in (0, 1)}
    wait_until(lambda: len(running(f"sleep {word}")) == 6)

    for (_, force), run in runs.items():
        world.stop(run, force=bool(force), reason="because")

    for run in runs.values():
        assert await_truth(world, run).state is RunState.STOPPED


#: A callback of the repository's that writes as fast as it is read, for as long as it lives.
FLOOD = """
import os
import threading
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "flood"

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action == "command":
            threading.Thread(target=self._flood, daemon=True).start()

    def _flood(self):
        while True:
            os.write(1, b"y\\n" * 32768)
"""
ENOUGH = 5_000_000  # bytes, after which it is a flood


def test_a_stop_during_a_flood(roomy_world, word):
    """Whatever waits to be stored, the stop is heard, and what is stored has no hole."""
    world = roomy_world
    config = (world.repository.path / "ansible.cfg").read_text()
    flooded = {"ansible.cfg": f"{config.rstrip()},flood\n", "plugins/flood.py": FLOOD}
    world.repository.commit(flooded)
    declare_sleeping(world, word)
    runs = [(force, world.trigger("sleeping")) for force in (False, True)]
    for _, run in runs:
        wait_until(lambda run=run: world.find(run).output_bytes > ENOUGH)

    for force, run in runs:
        world.stop(run, force=force, reason="because")

    for _, run in runs:
        assert await_truth(world, run).state is RunState.STOPPED
