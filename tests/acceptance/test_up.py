"""`python3 -m app up`, from outside: what it says, and that nothing is left of it."""

import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from tests.living import living
from tests.up import EARLY, READY
from tests.waiting import wait_until


@pytest.mark.parametrize("moment", [EARLY, READY])
def test_a_killed_up_leaves_nothing(start_up, mark, moment):
    up = start_up()
    up.wait_until_said(moment)

    up.process.kill()
    up.process.wait()

    wait_until(lambda: not living(mark))


@pytest.mark.parametrize("moment", [EARLY, READY])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_up_leaves_nothing(start_up, mark, number, moment):
    up = start_up()
    up.wait_until_said(moment)

    up.process.send_signal(number)

    assert up.process.wait(timeout=30) in (0, 128 + number), up.said()
    assert not living(mark)


def test_a_second_ctrl_c_changes_nothing(start_up, mark):
    up = start_up()
    up.wait_until_said(READY)

    up.process.send_signal(signal.SIGINT)
    up.wait_until_said("stopping")
    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(timeout=30) == 0
    assert not living(mark)


def test_it_says_how_to_use_it(start_up, tmp_path, port):
    up = start_up()
    up.wait_until_said("declare a template")

    token = (tmp_path / "data/admin-token").read_text().strip()
    wait_until(lambda: up.said().count("  curl ") == 3)
    assert f"http://127.0.0.1:{port}" in up.said()
    assert f"admin token: {token}" in up.said()


@pytest.mark.skipif(not shutil.which("curl"), reason="the lines are for curl")
def test_the_lines_it_prints_declare_run_and_stop(start_up, tmp_path):
    up = start_up()
    wait_until(lambda: up.said().count("  curl ") == 3)
    declare, run, stop = re.findall(r"^  (curl .*)$", up.said(), re.MULTILINE)

    answers = [
        subprocess.run(
            ["/bin/bash", "-c", f"{line} -w '%{{http_code}}'"], capture_output=True, check=True
        )
        for line in (declare, run, stop)
    ]

    codes = [answer.stdout[-3:] for answer in answers]
    assert codes[0] in (b"200", b"201"), answers
    assert codes[1:] == [b"202", b"202"], answers


def test_the_token_is_for_its_owner_only_and_stays(start_up, tmp_path):
    token = tmp_path / "data/admin-token"
    seen = []
    for _ in range(2):
        up = start_up()
        up.wait_until_said(READY)
        seen.append(token.read_text())
        up.process.terminate()
        assert up.process.wait(timeout=30) == 0

    assert seen[0] == seen[1]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_a_second_up_on_the_same_data_is_refused(start_up, port):
    first = start_up()
    first.wait_until_said(EARLY)

    second = start_up(PORT=str(port % 65535 + 1))

    assert second.process.wait(timeout=60) == 1
    assert "Curtain already runs on" in second.said()
    assert f"(process {first.process.pid})" in second.said()


def test_a_taken_port_is_told_before_anything_is_started(start_up, port, tmp_path):
    with socket.create_server(("127.0.0.1", port)):
        up = start_up()

        assert up.process.wait(timeout=60) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in up.said()
    assert not (tmp_path / "data").exists()


def test_without_git_it_says_what_to_install(start_up, tmp_path):
    up = start_up(PATH=str(tmp_path))

    assert up.process.wait(timeout=60) == 1
    assert "git is missing: install it" in up.said()


def test_given_services_are_used_and_none_embedded(start_up, database_url, redis_url, tmp_path):
    up = start_up(DATABASE_URL=database_url, REDIS_URL=redis_url)
    up.wait_until_said(READY)

    assert not (tmp_path / "data/postgres").exists()
    assert not (tmp_path / "data/redis").exists()


def test_a_given_redis_is_used_beside_an_embedded_postgres(start_up, redis_url, tmp_path):
    up = start_up(REDIS_URL=redis_url)
    up.wait_until_said(READY)

    assert (tmp_path / "data/postgres").exists()
    assert not (tmp_path / "data/redis").exists()


def test_data_far_down_the_tree_gets_its_sockets_elsewhere(start_up, tmp_path):
    up = start_up(CURTAIN_DATA=str(tmp_path / "far" / ("d" * 90) / "data"))

    up.wait_until_said(EARLY)
