"""What tests of checkouts share."""

import os
from pathlib import Path
from typing import Any

import pytest

from runner.checkout import checkout
from runner.errors import CheckoutFailed
from runner.git_store import Store
from tests.repositories import Repository


def fails_with(code: str, words: str = "") -> Any:
    """Expect a checkout that fails with *code*, and says *words*."""
    return pytest.raises(
        CheckoutFailed, check=lambda error: error.code == code and words in str(error)
    )


def written(cache: Path, repository: Repository, sha: str, destination: Path) -> str:
    """Check out, and read site.yml."""
    return (checkout(cache, repository.url, sha, destination).root / "site.yml").read_text()


def truncate(store: Store, pattern: str) -> None:
    """Leave the first half of each file."""
    for path in store.path.glob(pattern):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def names_in(root: Path) -> set[str]:
    """Name every file and directory of a tree."""
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def needs_root() -> None:
    """Skip what only root can set up."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away and mount")
