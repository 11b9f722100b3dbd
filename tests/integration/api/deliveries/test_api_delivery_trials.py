"""Deliveries that are tried out, and those that ask to be."""

import json
from collections.abc import Callable

from flask.testing import FlaskClient

from tests.hooks.signing import PAYLOADS, headers
from tests.integration.api.deliveries.noted import HOOK, WRONG, noted, pushed, states


def test_a_delivery_can_be_tried_out_and_leaves_no_trace(
    client: FlaskClient, hook: Callable[..., None]
) -> None:
    hook(branches=["master"], vars={"version": "/head_commit/message", "count": {"value": 4}})
    tries = {
        "queued": pushed() | {"head_commit": {"id": "a" * 40, "message": "1.2"}},
        "ignored": pushed("refs/heads/dev"),
        "refused": pushed(),
    }
    said = {}
    for expected, content in tries.items():
        body = {"payload": content, "headers": {"X-GitHub-Event": "push"}}
        tried = client.post(f"{HOOK}/test", json=body).json
        assert tried is not None
        assert [each["decision"] for each in tried["decisions"]] == [expected]
        said[expected] = (tried["decisions"][0]["why"], tried["vars"][0])

    assert said["queued"] == (None, {"version": "1.2", "count": 4})
    assert said["ignored"] == ("branch dev not in master", None)
    assert said["refused"] == ("vars.version must match [0-9.]+", None)
    assert noted(client) == []
    assert states(client) == {}


def test_what_is_tried_out_is_read_as_its_sender_sends_it(
    client: FlaskClient, template: str
) -> None:
    topic = "arn:aws:sns:us-east-1:1:site"
    body = {"sender": "aws_sns", "topics": [topic], "template": template}
    assert client.put(HOOK, json=body).status_code == 201
    message = (PAYLOADS / "aws/codecommit_event.json").read_text()
    content = {"Type": "Notification", "MessageId": "1", "TopicArn": topic, "Message": message}

    tried = client.post(f"{HOOK}/test", json={"payload": content}).json

    assert tried is not None
    assert [each["event"] for each in tried["events"]] == ["push"]


def test_a_signed_delivery_can_ask_to_be_a_dry_run(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook(branches=["master"])
    said = {}
    for ref in ("refs/heads/master", "refs/heads/dev"):
        body = json.dumps(pushed(ref)).encode()
        address = "/hooks/site?dry_run=1"
        assert (
            stranger.post(address, data=body, headers={**headers(body), **WRONG}).status_code == 401
        )
        answer = stranger.post(address, data=body, headers=headers(body))
        assert answer.status_code == 200
        assert answer.json is not None
        assert answer.json["runs"] == []
        said[ref] = answer.json["deliveries"][0]["decision"]

    assert said == {"refs/heads/master": "queued", "refs/heads/dev": "ignored"}
    assert noted(client) == []
    assert states(client) == {}
