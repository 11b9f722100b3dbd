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
from tests.waiting import wait_until


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


def replaced(by):
    """Put something else where the store is."""

    def damage(store):
        shutil.rmtree(store.path)
        by(store.path)

    return damage


def a_file_for_a_home(store):
    shutil.rmtree(store.home)
    store.home.write_text("not a directory")


def a_link_for_a_home(store):
    shutil.rmtree(store.home)
    store.home.symlink_to("nowhere")


DAMAGES = [
    pytest.param(plant("shallow.lock", "HEAD.lock", "config.lock"), id="locks"),
    pytest.param(plant("packed-refs.lock", "refs/pins/x.lock"), id="locks of refs"),
    pytest.param(plant("objects/pack/tmp_pack_x", "objects/pack/.tmp-x"), id="half a pack"),
    pytest.param(half_a_store, id="half a store"),
    pytest.param(half_an_init, id="half an init"),
    pytest.param(plant("index.lock", "refs/all/heads/main.lock", "gc.pid.lock"), id="other locks"),
    pytest.param(lambda store: (store.home / "tmp-file").touch(), id="a file left aside"),
    pytest.param(replaced(by=lambda path: path.write_text("x")), id="a file for a store"),
    pytest.param(replaced(by=lambda path: path.mkdir()), id="nothing in a store"),
    pytest.param(replaced(by=lambda path: path.symlink_to("x")), id="a link to nowhere"),
    pytest.param(replaced(by=lambda path: path.symlink_to(path)), id="a link to itself"),
    pytest.param(replaced(by=lambda path: path.symlink_to("/")), id="a link to elsewhere"),
    pytest.param(a_file_for_a_home, id="a file for all of it"),
    pytest.param(a_link_for_a_home, id="a link for all of it"),
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
    pytest.param(lambda store: shutil.rmtree(store.path / "refs"), id="no refs"),
    pytest.param(lambda store: shutil.rmtree(store.path / "objects"), id="no objects"),
    pytest.param(lambda store: (store.path / "HEAD").write_text("ref: x"), id="another HEAD"),
    pytest.param(lambda store: (store.path / "config").write_text("[x"), id="no config"),
    pytest.param(lambda store: (store.path / "packed-refs").write_text("x"), id="no packed refs"),
    pytest.param(lambda store: (store.path / "shallow").write_text("x"), id="shallow"),
    pytest.param(
        lambda store: (
            (store.path / "objects/info").mkdir(exist_ok=True)
            or (store.path / "objects/info/alternates").write_text("/nowhere\n")
        ),
        id="objects elsewhere",
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

    helper = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(helper))  # it was killed; the kernel takes its time


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
