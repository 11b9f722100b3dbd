"""`python3 -m app backup` and `restore`, as whoever keeps a service by `up` calls them."""

import subprocess
import sys

import psycopg
import pytest

from app.bootstrap import postgres
from tests.up import READY, ROOT


@pytest.fixture
def call(environment):
    def run(*words, given=""):
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            cwd=ROOT,
            env=environment | {"CURTAIN_BACKUP_KEY": "a-key-for-backups-alone"},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_neither_address_nor_key_need_be_given(start_up, call, tmp_path):
    nowhere = call("backup")
    start_up().wait_until_said(READY)
    with psycopg.connect(postgres.running_url(tmp_path / "data/postgres")) as conn:
        spec = '{"playbook": {"repository": "file:///x", "path": "x"}, "inventory": {"path": "y"}}'
        conn.execute(
            "INSERT INTO templates (name, spec, updated_by) VALUES ('deploy', %s, 'ada')", [spec]
        )

    made = call("backup")
    with psycopg.connect(postgres.running_url(tmp_path / "data/postgres")) as conn:
        conn.execute("DELETE FROM templates")
    restored = call("restore", given=made.stdout)

    assert nowhere.returncode == 1
    assert "do it while `python3 -m app up` runs" in nowhere.stderr
    assert (made.returncode, restored.returncode) == (0, 0), made.stderr + restored.stderr
    assert restored.stdout == "made template deploy\n"
