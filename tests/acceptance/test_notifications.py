"""Told, from outside: a target is declared over HTTP, a run is triggered, and the target hears."""

import base64

import pytest
from standardwebhooks import Webhook

from tests import playbooks
from tests.notifications.target import open_target, status
from tests.repositories import make_repository
from tests.runners import LOCAL
from tests.waiting import wait_until

SECRET = "whsec_" + base64.b64encode(b"the key of the tests, 32 bytes..").decode()

SETTLED = {"sent", "dead"}


@pytest.fixture
def target():
    with open_target() as target:
        yield target


@pytest.fixture
def client(formation):
    return formation.start_web()


def test_a_program_hears_of_a_run_and_a_chat_that_is_gone_is_listed(
    client, formation, target, tmp_path
):
    target.answers = [status(200)]
    with open_target() as gone:
        gone.answers = [status(410)]
        for name, url in (("log", target.url), ("chat", gone.url)):
            hook = {"kind": "webhook", "url": f"{url}/s3cret", "secret": SECRET}
            assert client.call("PUT", f"/credentials/{name}", hook).status == 201
        template = {
            "playbook": {
                "repository": make_repository(tmp_path / "r", {"site.yml": playbooks.HELLO}).url,
                "ref": "main",
                "path": "site.yml",
            },
            "inventory": {"content": LOCAL},
            "notifications": [
                {"on": ["always"], "to": {"kind": "callback", "credential": "log"}},
                {"on": ["succeeded"], "to": {"kind": "slack", "credential": "chat"}},
            ],
        }
        assert client.call("PUT", "/templates/mine", template).status == 201
        settings = {"CURTAIN_NOTIFY_PRIVATE": "127.0.0.1", "CURTAIN_URL": "https://curtain.example"}
        formation.start_runner(**settings)

        run = client.call("POST", "/templates/mine/runs?wait=60").json

        assert run["state"] == "succeeded"
        wait_until(lambda: {each["state"] for each in shown(client, run)} == SETTLED)
        told = shown(client, run)
    assert [(each["occasion"], each["to"]["kind"], each["state"]) for each in told] == [
        ("started", "callback", "sent"),
        ("succeeded", "callback", "sent"),
        ("succeeded", "slack", "dead"),
    ]
    started, succeeded = (Webhook(SECRET).verify(each.body, each.headers) for each in target.heard)
    assert (started["type"], succeeded["type"]) == ("run.started", "run.succeeded")
    assert succeeded["data"]["link"] == f"https://curtain.example/runs/{run['id']}"
    (dead,) = client.call("GET", "/notifications?state=dead").json["notifications"]
    assert (dead["id"], dead["attempts"][0]["status"]) == (told[2]["id"], 410)
    assert client.call("POST", f"/notifications/{dead['id']}/retry").status == 202
    assert client.call("DELETE", "/credentials/chat").status == 409
    assert b"s3cret" not in client.call("GET", f"/runs/{run['id']}/notifications").body


def shown(client, run):
    """What was or is to be told of a run."""
    return client.call("GET", f"/runs/{run['id']}/notifications").json["notifications"]
