"""A repository, a cache and a destination for each test of checkouts."""

from pathlib import Path

import pytest

from runner.git_store import Store
from tests.repositories import Repository, make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit."""
    return make_repository(tmp_path / "repository", {"site.yml": "one", "roles/a/b.yml": "b"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the stores of this test are."""
    return tmp_path / "cache"


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """Where a run has its tree."""
    return tmp_path / "run" / "project"


@pytest.fixture
def store(cache: Path, repository: Repository) -> Store:
    """The store of the repository."""
    return Store(cache, repository.url, ("file",))
