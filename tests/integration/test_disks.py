"""How full the disks of a runner's directories are."""

from pathlib import Path

import pytest

from runner import disks as module
from runner.disks import Disks
from runner.settings import Settings
from tests.waiting import wait_until


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environ(
        {
            "DATABASE_URL": "postgresql://host/name",
            "REDIS_URL": "redis://host",
            "CURTAIN_ADMIN_TOKEN": "a" * 32,
            "CURTAIN_SECRET_KEY": "b" * 32,
            "CURTAIN_DATA": str(tmp_path / "data"),
        }
    )


def test_they_are_told_before_there_are_directories(settings):
    told = Disks(settings).told()

    assert told.keys() == {"runs", "git", "galaxy"}
    assert all(0 < disk["free"] < disk["total"] for disk in told.values())
    assert all("used" not in disk for disk in told.values())


def test_what_is_in_a_directory_is_told_when_it_was_measured(settings):
    settings.git_directory.mkdir(parents=True)
    disks = Disks(settings)
    disks.measure()
    (settings.git_directory / "pack").write_bytes(b"x" * 100_000)
    assert disks.told()["git"]["used"] == 0

    disks.measure()

    assert disks.told()["git"]["used"] >= 100_000
    assert disks.told()["runs"]["used"] == 0


def test_a_disk_that_cannot_be_looked_at_is_left_out(settings, monkeypatch):
    """It is told with the beat, which must not fail because of it."""
    look = module.shutil.disk_usage
    git = settings.git_directory
    git.mkdir(parents=True)

    def broken(path: Path):
        if path == git:
            raise OSError("Stale file handle")
        return look(path)

    monkeypatch.setattr(module.shutil, "disk_usage", broken)

    assert Disks(settings).told().keys() == {"runs", "galaxy"}


def test_a_runner_tells_of_its_disks(start, conn):
    runner = start(RUNNER_LEASE="3")

    def told():
        row = conn.execute("SELECT disks FROM runners").fetchone()
        return row and all("used" in disk for disk in row["disks"].values()) and row["disks"]

    wait_until(told)
    assert told().keys() == {"runs", "git", "galaxy"}
    runner.terminate()
