"""A kill -9 at any moment of a checkout or an eviction is no hindrance for the next run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import upkeep
from runner.checkout import checkout

ROOT = Path(__file__).parents[3]
DYING = ROOT / "tests/children/dying.py"


def deaths_survived(what, way, *words):
    """Let it die again and again; tell how often it did."""
    ended = subprocess.run(
        [sys.executable, DYING, what, way, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


@pytest.fixture
def prepared(tmp_path):
    """A cache as it is before; each death begins with a copy of it."""
    (tmp_path / "prepared").mkdir()
    return tmp_path / "prepared"


WAYS = pytest.mark.parametrize(
    ("way", "deaths"),
    [
        ("steps", 10),  # Python's own; git lives on as an orphan that has the lock
        ("bytes", 5),  # git's writes: of its packs, refs and config
        ("moments", 5),  # all of it at once, as the end of a run does
    ],
)


@WAYS
def test_a_first_checkout_may_die(way, deaths, prepared, cache, repository, destination):
    sha = repository.commit({"site.yml": "newest"})

    words = prepared, cache, repository.url, sha, destination
    assert deaths_survived("checkout", way, *words) >= deaths


@WAYS
def test_a_checkout_of_a_new_commit_may_die(way, deaths, prepared, cache, repository, destination):
    checkout(prepared, repository.url, repository.git("rev-parse", "HEAD"), destination)
    sha = repository.commit({"site.yml": "newest"})

    words = prepared, cache, repository.url, sha, destination
    assert deaths_survived("checkout", way, *words) >= deaths


def test_an_eviction_may_die(prepared, cache, repository, destination):
    sha = repository.commit({"site.yml": "newest"})
    checkout(prepared, repository.url, sha, destination)

    words = prepared, cache, repository.url, sha, destination
    assert deaths_survived("tidy", "steps", *words) > 20
    assert upkeep.tidy(cache, most=0)
    assert not list(cache.glob("*/store.git"))
