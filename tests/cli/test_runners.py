"""Runners by the command line: who is there, drained, and all of them paused."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Shell
from tests.formation import Client
from tests.waiting import wait_until


@pytest.fixture
def calm(api: Client) -> Iterator[None]:
    """Leave all runners as they were: they are every test's."""
    yield
    api.call("DELETE", "/maintenance")
    for runner in api.call("GET", "/runners").json["runners"]:
        api.call("DELETE", f"/runners/{runner['name']}/drain")


@pytest.mark.usefixtures("calm")
def test_a_runner_is_drained_and_taken_back(curtain: Shell, api: Client) -> None:
    [runner] = curtain.ok("runners", "--json").json["runners"]
    assert runner["drain"] is None

    told = curtain.ok("runners", "drain", runner["name"], "--reason", "it leaves").out

    assert told.startswith(f"runner {runner['name']}: drained by admin: it leaves")
    assert "drained by admin: it leaves" in curtain.ok("runners").out
    assert curtain.ok("runners", "undrain", runner["name"]).out.startswith("runner")
    assert curtain.ok("runners", "--json").json["runners"][0]["drain"] is None
    assert curtain("runners", "drain", "nobody").code == 11


@pytest.mark.usefixtures("calm")
def test_all_is_paused_and_resumed(curtain: Shell, api: Client, template: str) -> None:
    assert "by admin" in curtain.ok("pause", "--reason", "new disks").out
    run = curtain.ok("run", template, "--json").json

    told = curtain.ok("status", str(run["id"])).out

    assert "no run is taken since admin has paused all: new disks" in told
    assert curtain.ok("resume").out == "runs are taken\n"
    wait_until(lambda: api.call("GET", f"/runs/{run['id']}").json["state"] == "succeeded")
