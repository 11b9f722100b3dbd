"""Checkouts over whatever a dead or a sick one has left behind."""

import os
import shutil
from pathlib import Path

import pytest

from runner import git_store, git_tree
from runner.checkout import checkout, resolve
from runner.git import git
from runner.git_store import Store
from tests.checkouts import fails_with, truncate, written


def plant(*names):
    def damage(store):
        for name in names:
            (store.path / name).parent.mkdir(parents=True, exist_ok=True)
            (store.path / name).touch()

    return damage


def half_a_store(store):
    shutil.rmtree(store.path)
    (store.path / "objects").mkdir(parents=True)


def half_an_init(store):
    (store.home / "tmp-dead" / "refs").mkdir(parents=True)


DAMAGES = [
    pytest.param(plant("shallow.lock", "HEAD.lock", "config.lock"), id="locks"),
    pytest.param(plant("packed-refs.lock", "refs/pins/x.lock"), id="locks of refs"),
    pytest.param(plant("objects/pack/tmp_pack_x", "objects/pack/.tmp-x"), id="half a pack"),
    pytest.param(half_a_store, id="half a store"),
    pytest.param(half_an_init, id="half an init"),
    pytest.param(lambda store: truncate(store, "objects/pack/*.pack"), id="cut pack"),
    pytest.param(lambda store: truncate(store, "objects/pack/*.idx"), id="cut index"),
    pytest.param(lambda store: truncate(store, "config"), id="cut config"),
    pytest.param(lambda store: truncate(store, "HEAD"), id="cut HEAD"),
    pytest.param(
        lambda store: [(p.unlink()) for p in store.path.glob("objects/pack/*")], id="gone"
    ),
    pytest.param(
        lambda store: [path.write_text("") for path in store.path.glob("refs/pins/*")],
        id="refs emptied by a power loss",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_death_leaves_behind_is_mended(damage, repository, cache, store, destination):
    first = resolve(repository.url, "main")
    checkout(cache, repository.url, first, destination)

    damage(store)

    assert written(cache, repository, first, destination) == "one"
    second = repository.commit({"site.yml": "two"})
    assert written(cache, repository, second, destination) == "two"
    assert not list(store.home.glob("tmp-*"))
    for pattern in git_store.LEFTOVERS:
        assert not list(store.path.glob(pattern))


def test_a_store_that_cannot_be_mended_now_is_kept(repository, cache, store, destination):
    sha = resolve(repository.url, "main")
    checkout(cache, repository.url, sha, destination)
    truncate(store, "objects/pack/*.pack")
    shutil.rmtree(repository.path)

    with fails_with("repo_not_found"):
        checkout(cache, repository.url, sha, destination)

    assert store.path.exists()
    assert not destination.exists()


def test_a_git_that_hangs_is_ended_with_its_helpers(tmp_path):
    helper = tmp_path / "bin" / "git-remote-hang"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\necho $$ > $PID_FILE\nexec sleep 3600\n")
    helper.chmod(0o755)
    environment = {
        "PATH": f"{helper.parent}:{os.environ['PATH']}",
        "PID_FILE": str(tmp_path / "pid"),
        "GIT_ALLOW_PROTOCOL": "hang",
    }

    with fails_with("timeout"):
        git("ls-remote", "hang::x", environment=environment, seconds=1)

    assert not is_alive(int((tmp_path / "pid").read_text()))


def is_alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_disk_that_is_full_is_named(repository, cache, destination, monkeypatch):
    sha = resolve(repository.url, "main")
    checkout(cache, repository.url, sha, destination)
    monkeypatch.setattr(git_tree, "is_full", lambda path: True)
    truncate(Store(cache, repository.url, ()), "objects/pack/*.pack")

    with fails_with("disk_full"):
        checkout(cache, repository.url, sha, destination)
