"""What is installed once for many: taken whole, renewed, mended and evicted."""

import errno
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from runner import galaxy_tree
from runner.errors import CheckoutFailed, RequirementsFailed
from runner.galaxy_cache import Home, tidy
from runner.galaxy_tree import collections, roles
from runner.git_lock import lock

DAY = 86_400.0


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "galaxy" / "0badcafe")


def installs(word):
    """Make what installs the role web, which says *word*."""

    def install(aside: Path, _: int) -> None:
        for kind in ("roles/web/tasks", "collections"):
            (aside / kind).mkdir(parents=True)
        (aside / "roles/web/tasks/main.yml").write_text(word)
        (aside / "roles/web/link").symlink_to("tasks/main.yml")

    return install


def fails(aside: Path, _: int) -> None:
    raise RequirementsFailed("galaxy is away")


def said(destination):
    return (destination / "roles/web/tasks/main.yml").read_text()


def test_what_is_installed_is_taken_as_often_as_it_is_wanted(home, tmp_path):
    first = home.take(tmp_path / "first", DAY, installs("one"))
    second = home.take(tmp_path / "second", DAY, installs("two"))

    assert (first.is_new, second.is_new) == (True, False)
    assert said(tmp_path / "second") == "one"
    assert os.readlink(tmp_path / "second/roles/web/link") == "tasks/main.yml"
    assert sorted(os.listdir(tmp_path / "second")) == ["collections", "roles"]
    assert sorted(os.listdir(home.path)) == ["installed", "lock"]


def test_what_a_run_adds_and_replaces_is_its_own(home, tmp_path):
    home.take(tmp_path / "first", DAY, installs("one"))
    (tmp_path / "first/roles/web/tasks/more.yml").write_text("more")
    (tmp_path / "new").write_text("replaced")  # as Ansible's modules write: aside, then renamed
    (tmp_path / "new").rename(tmp_path / "first/roles/web/tasks/main.yml")

    home.take(tmp_path / "second", DAY, fails)

    assert said(tmp_path / "second") == "one"
    assert os.listdir(tmp_path / "second/roles/web/tasks") == ["main.yml"]


def write_in_place(home, tmp_path):
    (tmp_path / "first/roles/web/tasks/main.yml").write_text("bad")  # of the same length


def change_its_mode(home, tmp_path):
    (tmp_path / "first/roles/web/tasks/main.yml").chmod(0o777)


def lose_a_file(home, tmp_path):
    (home.installed / "roles/web/tasks/main.yml").unlink()


def truncate_a_file(home, tmp_path):
    file = home.installed / "roles/web/tasks/main.yml"
    at = file.stat().st_mtime_ns
    os.truncate(file, 0)
    os.utime(file, ns=(at, at))


def tear_the_note(home, tmp_path):
    os.truncate(home.installed / "note.json", 20)


def leave_litter(home, tmp_path):
    (home.path / "tmp-of-a-killed-one/roles").mkdir(parents=True)
    home.installed.rename(home.path / "tmp-being-replaced")


@pytest.mark.parametrize(
    "damage",
    [
        write_in_place,
        change_its_mode,
        lose_a_file,
        truncate_a_file,
        tear_the_note,
        leave_litter,
    ],
)
def test_what_is_not_as_it_was_is_installed_anew(home, tmp_path, damage):
    home.take(tmp_path / "first", DAY, installs("one"))
    damage(home, tmp_path)

    assert home.take(tmp_path / "second", DAY, installs("two")).is_new

    assert said(tmp_path / "second") == "two"
    assert sorted(os.listdir(home.path)) == ["installed", "lock"]


def test_an_installation_that_fails_leaves_nothing(home, tmp_path):
    with pytest.raises(RequirementsFailed, match="galaxy is away"):
        home.take(tmp_path / "first", DAY, fails)

    assert not (tmp_path / "first").exists()
    assert home.take(tmp_path / "first", DAY, installs("one")).is_new
    assert sorted(os.listdir(home.path)) == ["installed", "lock"]


def test_a_renewal_that_fails_is_not_tried_by_each_run(home, tmp_path):
    home.take(tmp_path / "first", DAY, installs("one"))
    old = time.time() - DAY
    os.utime(home.installed / "note.json", (old, old))

    late = home.take(tmp_path / "second", DAY, fails)
    next_one = home.take(tmp_path / "third", DAY, installs("two"))

    assert (late.is_new, late.stale) == (False, "galaxy is away")
    assert (next_one.is_new, next_one.stale) == (False, None)
    assert said(tmp_path / "third") == "one"


def test_a_second_run_waits_while_the_first_installs(home, tmp_path):
    """Both have seen that nothing is there; the second finds what the first has installed."""
    begun, go_on = threading.Event(), threading.Event()

    def install_slowly(aside, descriptor):
        begun.set()
        assert go_on.wait(30)
        installs("one")(aside, descriptor)

    first = threading.Thread(target=home.take, args=(tmp_path / "first", DAY, install_slowly))
    second = threading.Thread(target=home.take, args=(tmp_path / "second", DAY, fails))
    first.start()
    assert begun.wait(30)
    second.start()
    go_on.set()
    first.join(60)
    second.join(60)

    assert (said(tmp_path / "first"), said(tmp_path / "second")) == ("one", "one")


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.EPERM])
def test_where_there_can_be_no_links_there_are_copies(home, tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    home.take(tmp_path / "first", DAY, installs("one"))
    monkeypatch.setattr(galaxy_tree.os, "link", refuse)
    home.take(tmp_path / "second", DAY, fails)

    assert said(tmp_path / "second") == "one"
    assert (tmp_path / "second/roles/web/tasks/main.yml").stat().st_nlink == 1


# Eviction.


def test_what_nobody_takes_any_more_goes_and_runs_keep_theirs(home, tmp_path):
    other = Home(home.path.with_name("other"))
    home.take(tmp_path / "first", DAY, installs("one"))
    other.take(tmp_path / "second", DAY, installs("two"))
    old = time.time() - 2 * DAY
    os.utime(home.path, (old, old))

    assert tidy(home.path.parent, 2**30, DAY) == [home.path]

    assert said(tmp_path / "first") == "one"
    assert os.listdir(home.path) == ["lock"]
    assert home.take(tmp_path / "third", DAY, installs("three")).is_new
    assert tidy(home.path.parent, 2**30, DAY) == []


def test_of_too_much_the_longest_unused_goes(home, tmp_path):
    for age, name in enumerate(("newest", "older", "oldest")):
        each = Home(home.path.with_name(name))
        each.take(tmp_path / name, DAY, installs("x" * 100_000))
        os.utime(each.path, (time.time() - age,) * 2)

    evicted = tidy(home.path.parent, 250_000, DAY)

    assert [path.name for path in evicted] == ["oldest"]


def test_what_is_being_installed_is_left_alone(home, tmp_path):
    home.take(tmp_path / "first", DAY, installs("one"))

    with lock(home.path / "lock"):
        assert tidy(home.path.parent, 0, DAY) == []
    assert tidy(home.path.parent, 0, DAY) == [home.path]


def test_what_a_killed_installation_has_left_goes_with_its_home(home):
    litter = home.path / "tmp-of-a-killed-one"
    litter.mkdir(parents=True)
    (litter / "half").write_text("x" * 10_000)
    old = time.time() - 2 * DAY
    os.utime(home.path, (old, old))

    assert tidy(home.path.parent, 2**30, DAY) == [home.path]
    assert os.listdir(home.path) == ["lock"]


def test_an_orphaned_ansible_galaxy_still_keeps_others_out(home, tmp_path):
    """Its leader was killed, it was not: what it writes to must not be removed under it."""
    orphans = []

    def install_and_leave(aside, descriptor):
        orphans.append(subprocess.Popen(["sleep", "60"], pass_fds=[descriptor]))
        raise RequirementsFailed("its leader is killed")

    with pytest.raises(RequirementsFailed):
        home.take(tmp_path / "first", DAY, install_and_leave)

    with pytest.raises(CheckoutFailed), lock(home.path / "lock", seconds=0):
        pass
    for orphan in orphans:
        orphan.kill()
        orphan.wait()
    assert home.take(tmp_path / "first", DAY, installs("one")).is_new


def test_a_machine_without_a_cache_has_nothing_to_tidy(tmp_path):
    assert tidy(tmp_path / "none", 0, DAY) == []


# What is told.


def test_names_and_versions_are_told(tmp_path):
    info = tmp_path / "roles/web/meta/.galaxy_install_info"
    info.parent.mkdir(parents=True)
    info.write_text("install_date: 'Mon Jan  1 00:00:00 2026'\nversion: v1.0\n")
    (tmp_path / "roles/bare").mkdir()
    manifest = tmp_path / "collections/ansible_collections/ada/tools/MANIFEST.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"collection_info": {"version": "1.2.3"}}')

    assert roles(tmp_path) == {"bare": None, "web": "v1.0"}
    assert collections(tmp_path) == {"ada.tools": "1.2.3"}


@pytest.mark.parametrize("place", ["", "installed"])
def test_a_file_in_the_way_goes(home, tmp_path, place):
    in_the_way = home.path / place
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("not a directory")

    assert home.take(tmp_path / "first", DAY, installs("one")).is_new

    assert said(tmp_path / "first") == "one"
    assert sorted(os.listdir(home.path)) == ["installed", "lock"]
