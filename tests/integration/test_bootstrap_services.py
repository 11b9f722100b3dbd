"""The embedded servers: whatever happened to the ones before, they start and keep their rows."""

import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from app.bootstrap import data, guard, postgres, sample, service, valkey
from app.bootstrap.children import Child, Children
from app.bootstrap.errors import BootstrapError
from tests.waiting import wait_until

Start = Callable[[], tuple[str, Child]]


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


@pytest.fixture
def start_postgres(tmp_path: Path, children: Children) -> Start:
    def start() -> tuple[str, Child]:
        server = postgres.prepare(tmp_path / "postgres", tmp_path, children)
        child = service.start(server, children)
        service.wait_until_ready(server, child)
        return server.url, child

    return start


@pytest.fixture
def start_valkey(tmp_path: Path, children: Children) -> Start:
    def start() -> tuple[str, Child]:
        server = valkey.prepare(tmp_path / "redis", tmp_path)
        child = service.start(server, children)
        service.wait_until_ready(server, child)
        return server.url, child

    return start


def test_postgres_keeps_its_rows_through_a_kill(start_postgres, children):
    url, child = start_postgres()
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS number")
    child.process.kill()
    children.finish(child)

    url, _ = start_postgres()

    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_stranger_with_the_number_of_a_killed_postgres_does_not_matter(
    tmp_path, start_postgres, children
):
    _, child = start_postgres()
    child.process.kill()
    children.finish(child)
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        for name in ("postgres/postmaster.pid", ".s.PGSQL.5432.lock"):
            first, _, rest = (tmp_path / name).read_text().partition("\n")
            assert first == str(child.process.pid)
            (tmp_path / name).write_text(f"{stranger.pid}\n{rest}")

        url, _ = start_postgres()

        psycopg.connect(url).close()
        assert stranger.poll() is None
        stranger.kill()


def test_valkey_keeps_its_keys_through_a_kill(start_valkey, children):
    url, child = start_valkey()
    with Redis.from_url(url) as client:
        client.set("kept", "7")
    child.process.kill()
    children.finish(child)

    url, _ = start_valkey()

    with Redis.from_url(url) as client:
        assert client.get("kept") == b"7"


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_server_whose_command_and_guard_were_killed_is_ended_first(kind, tmp_path):
    def prepare(children: Children) -> service.Service:
        if kind == "postgres":
            return postgres.prepare(tmp_path / kind, tmp_path, children)
        return valkey.prepare(tmp_path / kind, tmp_path)

    with Children() as killed, Children() as children:
        first = prepare(killed)
        old = service.start(first, killed)
        service.wait_until_ready(first, old)

        second = prepare(children)
        assert not guard.is_alive(old.member)
        service.wait_until_ready(second, service.start(second, children))


def test_a_half_made_cluster_is_made_anew(tmp_path, start_postgres):
    part = tmp_path / "postgres.part"
    part.mkdir()
    (part / "PG_VERSION").write_text("18\n")

    start_postgres()

    assert not part.exists()


def test_a_server_that_does_not_start_says_why(tmp_path, children):
    server = postgres.prepare(tmp_path / "postgres", tmp_path, children, "no_such_setting=1")
    child = service.start(server, children)

    with pytest.raises(BootstrapError, match="no_such_setting"):
        service.wait_until_ready(server, child)


def test_a_cluster_of_another_version_is_refused_with_advice(tmp_path, children):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/PG_VERSION").write_text("9\n")

    with pytest.raises(BootstrapError, match="made by Postgres 9"):
        postgres.prepare(tmp_path / "postgres", tmp_path, children)


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path):
    first = data.kept_secret(tmp_path / "token")

    assert data.kept_secret(tmp_path / "token") == first
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert len(first) >= 32


def test_a_directory_has_one_owner(tmp_path):
    refusal = pytest.raises(BootstrapError, match=f"process {os.getpid()}")
    with data.owned(tmp_path), refusal, data.owned(tmp_path):
        pass


def test_the_next_owner_waits_until_the_guard_of_the_one_before_is_done(tmp_path, capfd):
    with data.owned(tmp_path) as lock:
        children = Children(lock)
        line = "trap 'sleep 0.3; exit' TERM; touch ready; while :; do sleep 0.01; done"
        child = children.start("app", ["/bin/sh", "-c", line], cwd=tmp_path)
        wait_until((tmp_path / "ready").exists)
        children.release()  # as a kill -9 of the owner does

    with data.owned(tmp_path):
        assert not guard.is_alive(child.member)
    children.close()
    assert "waiting for the processes of the one before" in capfd.readouterr().err


def test_the_sample_is_a_repository_that_user_settings_do_not_touch(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    sample.make_repository(tmp_path / "sample")
    sample.make_repository(tmp_path / "sample")  # is there: nothing to do
    monkeypatch.delenv("GIT_DIR")

    shown = subprocess.run(
        ["git", "-C", tmp_path / "sample", "show", "--format=%an", "--name-only", "main"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["Curtain", "site.yml"]


def test_the_ladders_send_postgres_its_fast_shutdown_first():
    assert guard.LADDERS["postgres"][0][0] == signal.SIGINT
