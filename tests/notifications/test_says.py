"""What is said to a chat later than in the answer to its command."""

import json

from jobs import says
from runner.vault import Vault
from tests.waiting import wait_until


def heard(target, path):
    return [json.loads(each.body) for each in list(target.heard) if each.path == path]


def test_an_answer_goes_where_its_chat_reads_it(bench, sending, target):
    bench.keep("bot", kind="api_token", base_url=target.url, token="b0t")
    vault = Vault(bench.environ["CURTAIN_SECRET_KEY"])
    host = target.url.partition("//")[2]
    channel = {"channel": "C1", "thread_ts": "1.2"}
    places = {
        "/hooks/1": (
            {"kind": "mattermost_response_url", "url": f"{target.url}/hooks/1", "host": host},
            {"text": "one"},
        ),
        "/chat.postMessage": (
            {"kind": "slack_thread", "credential": "bot", "channel": "C1", "thread": "1.2"},
            {"text": "two", **channel},
        ),
        "/chat.postEphemeral": (
            {"kind": "slack_thread", "credential": "bot", "channel": "C1", "thread": "1.2"},
            {"text": "three", "user": "U1", **channel},
        ),
        "/botb0t/sendMessage": (
            {"kind": "telegram", "credential": "bot", "chat": 5, "message": 6},
            {"text": "four", "method": "sendMessage", "chat_id": 5},
        ),
    }

    for place, body in places.values():
        says.enqueue(bench.redis, vault, place, body)

    for path, (_, body) in places.items():
        wait_until(lambda path=path: heard(target, path))
        assert heard(target, path) == [body]


def test_where_nobody_may_be_told_nobody_is(bench, start, target):
    runner = start()  # which may not tell whoever is on loopback
    vault = Vault(bench.environ["CURTAIN_SECRET_KEY"])
    host = target.url.partition("//")[2]
    url = f"{target.url}/hooks/s3cret"
    place = {"kind": "mattermost_response_url", "url": url, "host": host}

    says.enqueue(bench.redis, vault, place, {"text": "one"})

    wait_until(lambda: "an answer in a chat is not taken" in runner.log.read_text())
    assert target.heard == []
    assert "s3cret" not in runner.log.read_text()
