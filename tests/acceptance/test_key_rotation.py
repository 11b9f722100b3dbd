"""`python3 -m app rotate`, as whoever keeps a service by `up` changes its key."""

import stat
import subprocess
import sys

import psycopg
import pytest

from app.bootstrap import postgres
from runner.vault import Vault
from tests.up import READY, ROOT

SECRET = {"password": "hunter2"}
RESTART = 3


@pytest.fixture
def rotate(environment):
    def run(**more):
        return subprocess.run(
            [sys.executable, "-m", "app", "rotate"],
            cwd=ROOT,
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def restart(start_up):
    """Starts `up`, in the place of the one before."""
    running = []

    def start():
        for up in running:
            up.process.terminate()
            assert up.process.wait(timeout=30) == 0
        running[:] = [start_up()]
        running[0].wait_until_said(READY)

    return start


def test_a_new_key_is_used_after_up_has_read_it_and_nothing_is_lost(restart, rotate, tmp_path):
    file, cluster = tmp_path / "data/secret-key", tmp_path / "data/postgres"
    restart()
    old = file.read_text().strip()
    with psycopg.connect(postgres.running_url(cluster)) as conn:
        conn.execute(
            """INSERT INTO credentials (name, kind, shown, sealed, updated_by)
               VALUES ('root', 'become_password', '{}', %s, 'ada')""",
            [Vault(old).seal(SECRET)],
        )

    early = [rotate(), rotate()]  # the second finds that `up` is still the one of before
    restart()
    done = rotate()

    assert [each.returncode for each in (*early, done)] == [RESTART, RESTART, 0], done.stderr
    assert all("start it again" in each.stderr for each in early)
    assert "credentials: 1 sealed anew" in done.stdout
    new, kept = file.read_text().strip().split(",")
    assert kept == old
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restart()
    with psycopg.connect(postgres.running_url(cluster)) as conn:
        (value,) = conn.execute("SELECT sealed FROM credentials").fetchone()
    assert Vault(new).open(bytes(value)) == SECRET
    assert not any(
        key in each.stdout + each.stderr for each in (*early, done) for key in (new, old)
    )


def test_without_up_it_says_what_to_start_and_loses_nothing(rotate, tmp_path):
    file = tmp_path / "data/secret-key"
    nowhere = rotate()
    file.parent.mkdir()
    file.write_text("new-new-new-new-new,old-old-old-old-old\n")

    done = rotate()

    assert (nowhere.returncode, done.returncode) == (1, 1)
    assert "`python3 -m app up` makes it" in nowhere.stderr
    assert "do it while `python3 -m app up` runs" in done.stderr
    assert file.read_text() == "new-new-new-new-new,old-old-old-old-old\n"
