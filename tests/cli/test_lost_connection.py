"""What the command line does when the server is away: nothing is lost, doubled or made up."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.formation import TOKEN, Client
from tests.proxy import Network, Proxy, Way
from tests.waiting import wait_until


@pytest.fixture
def proxy(api: Client) -> Iterator[Proxy]:
    """The way to the server, which can be cut."""
    with Network() as network:
        yield network.proxy(api.port)


@pytest.fixture
def remote(curtain: Shell, proxy: Proxy) -> Shell:
    """The command, whose way to the server is the proxy."""
    curtain.environ |= {"CURTAIN_URL": f"http://127.0.0.1:{proxy.port}"}
    return curtain


def test_a_lost_connection_loses_and_doubles_no_byte(
    remote: Shell, proxy: Proxy, api: Client, trigger: Callable[..., int]
) -> None:
    run_id = trigger(greeting="before", seconds=3)
    process = remote.start("tail", str(run_id), "-f")
    assert process.stdout is not None
    first = process.stdout.readline()
    proxy.cut()
    assert process.stderr is not None
    assert b"connection lost" in process.stderr.readline()
    proxy.restore()

    rest, told = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b"connected again" in told
    assert first + rest == api.call("GET", f"/runs/{run_id}/output").body


def test_a_server_that_stays_away_is_given_up(
    remote: Shell, proxy: Proxy, trigger: Callable[..., int], curtain: Shell
) -> None:
    run_id = trigger(seconds=60)
    process = remote.start("tail", str(run_id), "-f", CURTAIN_PATIENCE="0.5")
    assert process.stdout is not None
    process.stdout.readline()

    proxy.cut()
    _, told = process.communicate(timeout=60)

    assert process.returncode == 13
    assert b"Traceback" not in told
    proxy.restore()
    curtain.ok("stop", str(run_id), "--force", "--wait")


def test_an_answer_that_was_lost_gives_no_second_run(
    remote: Shell, proxy: Proxy, api: Client, ended: int
) -> None:
    def reruns() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.call("GET", f"/runs?rerun_of={ended}").json["runs"]
        return found

    before = len(reruns())
    proxy.black_hole(Way.TO_CLIENT)
    process = remote.start("rerun", str(ended), "--json")
    wait_until(lambda: len(reruns()) == before + 1)
    proxy.cut()
    proxy.restore()

    written, _ = process.communicate(timeout=60)

    assert json.loads(written)["id"] == reruns()[0]["id"]
    assert len(reruns()) == before + 1


def test_a_server_that_is_not_there_is_13(curtain: Shell) -> None:
    began = time.monotonic()
    ran = curtain("status", "1", "--json", CURTAIN_URL="http://127.0.0.1:1")

    assert (ran.code, ran.stdout) == (13, b"")
    assert json.loads(ran.stderr)["title"] == "Unreachable"
    assert time.monotonic() - began < 30


def test_what_is_not_curtain_is_13(curtain: Shell, url: str) -> None:
    ran = curtain("ps", CURTAIN_URL=f"{url}/docs")

    assert ran.code in (11, 13)
    assert TOKEN not in ran.stderr
