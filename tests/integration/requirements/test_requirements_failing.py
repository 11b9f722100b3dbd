"""An install that fails, hangs or is stopped, and what a run tells of one."""

import os
import time
from pathlib import Path

import pytest

from runner.galaxy_cache import Home
from tests.leading import (
    again,
    marked_processes,
    message,
    run,
)
from tests.requiring import (
    require,
)
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "roles:\n  - src: git+file:///nowhere/web\n",
            "'/nowhere/web' does not appear to be a git",
        ),
        ("roles: [\n", "Failed to parse the requirements yml"),
        ("foo: []\n", "Expecting only 'roles' and/or 'collections' as base keys"),
        ("collections: [{name: /nowhere.tar.gz}]\n", "Could not find /nowhere.tar.gz"),
        ("roles: [{src: 'git+http://127.0.0.1:1/web'}]\n", "transport 'http' not allowed"),
        ("roles: [{src: 'git+https://u:hunter2@127.0.0.1:1/web'}]\n", "https://***@127.0.0.1"),
    ],
)
def test_a_failure_is_told_in_the_words_of_ansible_galaxy(order, repository, text, words):
    repository.commit({"requirements.yml": text})

    ended = run(order)

    assert ended.events["refused"]["code"] == "requirements_failed"
    assert words in ended.events["refused"]["message"]
    assert "--ignore-errors" not in ended.events["refused"]["message"]
    assert "hunter2" not in ended.events["refused"]["message"]
    assert ended.events["prepared"]["playbook_sha"]
    assert "playing" not in ended.events


def test_requirements_without_ansible_galaxy_say_so(order, repository, role, tmp_path):
    require(repository, role.url)
    alone = tmp_path / "alone" / "ansible-playbook"
    alone.parent.mkdir()
    alone.write_text("#!/bin/sh\n")
    alone.chmod(0o755)
    environment = order["base_environment"] | {"PATH": str(alone.parent)}

    ended = run(order | {"ansible_playbook": str(alone), "base_environment": environment})

    assert ended.events["refused"]["code"] == "no_galaxy"


def test_a_run_that_is_stopped_while_it_installs_leaves_nobody(
    order, repository, role, hanging, tmp_path
):
    require(repository, role.url)
    environment = order["base_environment"] | {"PATH": hanging}

    hangs = (tmp_path / "pid").exists
    ended = run(order | {"base_environment": environment}, hangs, grace=30.0, PATH=hanging)

    assert "installed" not in ended.events
    assert ended.events["gone"]["seconds"] < 30
    assert not marked_processes()

    assert message(run(again(order))) == "one"  # what it left behind does not matter


def test_a_run_tells_what_it_has_got(bench, runner, repository, role):
    require(repository, role.url)

    run = bench.await_final(bench.trigger(repository.url))

    assert run.state == "succeeded"
    [event] = bench.events(run, "installed")
    assert event.detail["roles"] == {"web": "v1.0"}
    assert event.detail["source"] == "galaxy"


def test_a_run_whose_requirements_cannot_be_installed_fails_with_the_reason(
    bench, runner, repository
):
    repository.commit({"requirements.yml": "foo: []\n"})

    run = bench.await_final(bench.trigger(repository.url))

    assert run.state == "failed"
    assert "Expecting only 'roles' and/or 'collections'" in run.message
    assert run.playbook_sha == repository.git("rev-parse", "HEAD")


def test_a_run_that_is_stopped_while_it_installs_reads_stopped(
    bench, start, repository, role, hanging, tmp_path
):
    require(repository, role.url)
    start(PATH=hanging)
    run = bench.trigger(repository.url)
    wait_until((tmp_path / "pid").exists)

    bench.stop(run)

    assert bench.await_final(run).state == "stopped"
    assert not bench.family(run)


def test_a_runner_evicts_what_nobody_takes_any_more(bench, start):
    home = Home(Path(bench.environ["CURTAIN_DATA"]) / "galaxy" / "0badcafe")
    (home.installed / "roles").mkdir(parents=True)
    (home.installed / "roles" / "old").write_text("x" * 10_000)
    old = time.time() - 31 * 86_400
    os.utime(home.path, (old, old))

    start()

    wait_until(lambda: not home.installed.exists())
