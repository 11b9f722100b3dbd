"""Disks that are full or somebody else's, and remotes that are away."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runner.checkout import checkout, resolve
from tests.checkouts import fails_with, needs_root, written
from tests.repositories import make_repository

ROOT = Path(__file__).parents[3]
NOBODY = 65534


@pytest.fixture
def mounted(tmp_path):
    """Mount a small disk of memory."""
    needs_root()
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "curtain-test", disk]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("nothing can be mounted here")
        return disk

    yield mount
    subprocess.run(["umount", disk], capture_output=True, check=False)


FULL = pytest.mark.parametrize("options", ["size=1m", "nr_inodes=40"], ids=["bytes", "inodes"])


def large(repository):
    """Commit what is too large for the disk: 4 MB that cannot be compressed, and 100 files."""
    (repository.path / "large").write_bytes(os.urandom(4_000_000))
    return repository.commit({f"files/{number}": str(number) for number in range(100)})


def fill(directory):
    """Write files until there is no room for another one."""
    directory.mkdir()
    with contextlib.suppress(OSError):
        for number in range(100):
            (directory / str(number)).write_bytes(b"x" * 100_000)


@FULL
def test_a_tree_on_a_full_disk_says_so_and_leaves_nothing(options, repository, cache, mounted):
    disk = mounted(options)
    before = os.statvfs(disk)

    with fails_with("disk_full"):
        checkout(cache, repository.url, large(repository), disk / "run" / "project")

    assert list((disk / "run").iterdir()) == []
    assert os.statvfs(disk).f_bfree >= before.f_bfree - 1  # the directory itself


@FULL
def test_a_cache_on_a_full_disk_says_so_and_works_again(options, repository, destination, mounted):
    small = repository.git("rev-parse", "HEAD")
    cache = mounted(options) / "cache"
    fill(cache.parent / "filling")

    with fails_with("disk_full"):
        checkout(cache, repository.url, small, destination)
    shutil.rmtree(cache.parent / "filling")

    assert written(cache, repository, small, destination) == "one"
    assert not list(cache.glob("*/tmp-*"))


def test_a_fetch_that_fills_the_disk_leaves_room_for_the_next(repository, destination, mounted):
    small = repository.git("rev-parse", "HEAD")
    cache = mounted("size=1m") / "cache"

    with fails_with("disk_full"):
        checkout(cache, repository.url, large(repository), destination)

    assert written(cache, repository, small, destination) == "one"


def as_nobody(cache, repository, sha, destination):
    """Check out as a user who is not root, and return what is said."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from runner.checkout import checkout\n"
        "from runner.errors import CheckoutFailed\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: print(checkout(Path(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4])).sha)\n"
        "except CheckoutFailed as error: print(error.code, error)\n"
    )
    words = (cache, repository.url, sha, destination)
    ended = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


@pytest.fixture
def public():
    """A directory that everybody may pass through; pytest's own are its user's only."""
    if not all(each.stat().st_mode & 0o001 for each in ROOT.parents):
        pytest.skip("another user could not read our own configuration of git")
    directory = Path(tempfile.mkdtemp(prefix="curtain-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def give_away(root):
    """Make another user the owner of it all."""
    for directory, _, files in os.walk(root):
        for path in (directory, *(os.path.join(directory, name) for name in files)):
            os.chown(path, NOBODY, NOBODY)


def test_a_cache_of_another_user_is_no_hindrance_for_root(repository, cache, destination):
    needs_root()
    sha = repository.git("rev-parse", "HEAD")
    checkout(cache, repository.url, sha, destination)
    give_away(cache)

    assert written(cache, repository, sha, destination) == "one"
    assert written(cache, repository, repository.commit({"site.yml": "2"}), destination) == "2"


def test_a_cache_of_another_user_is_named_to_who_is_not_root(public):
    needs_root()
    repository = make_repository(public / "repository", {"site.yml": "one"})
    sha, cache, theirs = repository.git("rev-parse", "HEAD"), public / "cache", public / "theirs"
    checkout(cache, repository.url, sha, public / "project")
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)

    said = as_nobody(cache, repository, sha, theirs / "project")

    assert said.startswith("cache_io [Errno 13] Permission denied: ")
    assert str(cache) in said
    assert as_nobody(theirs / "cache", repository, sha, theirs / "project") == sha


@pytest.mark.parametrize("place", ["cache", "run"])
def test_a_file_in_the_place_of_a_directory_of_ours_is_named(place, repository, cache, tmp_path):
    (tmp_path / place).write_text("a file")

    with fails_with("cache_io", str(tmp_path / place)):
        checkout(
            cache, repository.url, repository.git("rev-parse", "HEAD"), tmp_path / "run" / "project"
        )


@pytest.mark.parametrize(
    "away",
    [
        shutil.rmtree,  # it is gone
        lambda path: path.rename(path.with_name("elsewhere")),  # it has moved
        lambda path: shutil.rmtree(path / ".git/objects"),  # it is broken
        lambda path: (path / ".git/HEAD").write_text(""),
    ],
)
def test_a_remote_that_is_away_does_not_matter_for_what_is_here(
    away, repository, cache, destination
):
    first = repository.git("rev-parse", "HEAD")
    newest = repository.commit({"site.yml": "two"})
    checkout(cache, repository.url, newest, destination)

    away(repository.path)

    assert written(cache, repository, newest, destination) == "two"
    assert written(cache, repository, first, destination) == "one"
    with pytest.raises(Exception, match="file:///"):  # git's own reason, with the URL
        checkout(cache, repository.url, "1" * 40, destination)


@pytest.mark.parametrize("link", ["nowhere", "site.yml", "/etc", "."])
def test_a_link_in_the_place_of_a_tree_is_replaced(link, repository, cache, destination):
    destination.parent.mkdir()
    destination.symlink_to(link)
    sha = resolve(repository.url, "main")

    assert written(cache, repository, sha, destination) == "one"
    assert not destination.is_symlink()
