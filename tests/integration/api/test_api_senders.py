"""Every sender at the door itself: published signatures, and whatever else may come."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from app.factory import create_app
from app.hooks.chats import CHAT_SENDERS
from app.hooks.hook import Hook
from app.hooks.senders import EVENT_SENDERS
from app.services import services_of
from runner.settings import Settings
from runner.store.connection import Connection
from runner.vault import Vault
from tests.hooks import sent
from tests.hooks.chat import chatting
from tests.hooks.chat.test_chat_vectors import VECTORS as OF_CHATS
from tests.hooks.chat.test_chat_vectors import time_of
from tests.hooks.test_vectors import ALGORITHMS, body_of
from tests.hooks.test_vectors import VECTORS as OF_EVENTS

SENDERS = sorted([*EVENT_SENDERS, *CHAT_SENDERS])
FORM = "application/x-www-form-urlencoded"
PERSON = {"users": ["*"], "rights": ["read", "run", "stop"]}
#: What a sender's hook must say beside its secret.
NEEDS: dict[str, dict[str, Any]] = {
    "aws_sns": {"topics": ["arn:aws:sns:us-east-1:1:x"]},
    "google_chat": {"audience": "1234567890"},
}


class Door:
    """The application at a time of ours, with hooks whose secrets nobody has checked."""

    def __init__(self, app: Flask, conn: Connection, vault: Vault) -> None:
        self.now = sent.NOW
        self._app = app
        self._conn = conn
        self._vault = vault

    def declare(self, sender: str, secret: str | None, **options: Any) -> None:
        """Have a hook of this sender; published secrets are shorter than ours may be."""
        spec = {"sender": sender, "per_minute": 100_000, **NEEDS.get(sender, {}), **options}
        spec |= {"people": [PERSON]} if sender in CHAT_SENDERS else {"template": "deploy"}
        self._conn.execute(
            """INSERT INTO hooks (name, sender, template, spec, sealed, updated_by)
               VALUES (%s, %s, %s, %s, %s, 'a test')
               ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, sealed = excluded.sealed""",
            [
                sender.replace("_", "-"),
                sender,
                spec.get("template"),
                Jsonb(spec),
                self._vault.seal({"secrets": [secret]} if secret else {}),
            ],
        )

    def send(self, sender: str, body: bytes, headers: dict[str, str]) -> int:
        """Send a delivery; tell the status."""
        answer = self._app.test_client().post(
            f"/hooks/{sender.replace('_', '-')}", data=body, headers=headers
        )
        return answer.status_code


@pytest.fixture
def door(settings: Settings, conn: Connection) -> Iterator[Door]:
    """The door, with a template behind it."""
    told: list[Door] = []
    app = create_app(settings, clock=lambda: told[0].now, fetch=lambda url: b"no certificate")
    door = Door(app, conn, Vault(settings.secret_key))
    told.append(door)
    yield door
    services_of(app).close()


@pytest.fixture
def open_door(door: Door, client: FlaskClient, template: str) -> Door:
    """A door with a hook of each sender."""
    for sender in SENDERS:
        standard = sender == "standard_webhooks"
        door.declare(sender, sent.SIGNING_TOKEN if standard else "ab" * 32)
    return door


def test_every_sender_can_be_declared() -> None:
    text = json.dumps(Hook.__metadata__[0].custom_error_message)

    assert all(sender in text for sender in SENDERS)


def test_every_published_signature_is_believed_and_every_forgery_is_not(
    door: Door, client: FlaskClient, template: str
) -> None:
    seen = set()
    for vector in OF_EVENTS:
        body = body_of(vector)
        options = {"algorithm": ALGORITHMS.get(vector["scheme"], "sha256")}
        generic = vector["sender"] == "generic_hmac"
        door.declare(vector["sender"], vector["secret"], **(options if generic else {}))
        seen.add(check(door, vector, body, dict(vector["headers"])))
    for vector in OF_CHATS:
        body = chatting.payload(vector["body_file"]) if vector.get("body_file") else None
        door.declare(vector["sender"], vector.get("secret") or vector["public_key_hex"])
        text = vector["body"].encode() if body is None else body
        seen.add(check(door, vector, text, dict(vector["headers"])))
    assert {"valid", "invalid"} <= seen


def check(door: Door, vector: dict[str, Any], body: bytes, headers: dict[str, str]) -> str:
    """Send a vector at its time."""
    door.now = time_of(vector)
    headers.setdefault("Content-Type", "application/json")
    status = door.send(vector["sender"], body, headers)
    match vector["expect"]:
        case "valid":
            # Some published bodies are no messages: "Hello, World!" is signed and not understood.
            assert status in (200, 202, 400, 415, 422), (vector["id"], status)
        case "invalid":
            assert status == 401, (vector["id"], status)
        case "ping":
            assert status == 200, (vector["id"], status)
        case _:
            assert status < 500, (vector["id"], status)
    return str(vector["expect"])


HEADERS = (
    "Authorization",
    "Content-Type",
    "Content-Encoding",
    "Idempotency-Key",
    "X-Forwarded-For",
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-Gitea-Event",
    "X-Gitlab-Event",
    "X-Event-Key",
    "X-Gogs-Event",
    *sorted({each.proof for each in sent.SIGNINGS.values()}),
    "X-Slack-Signature",
    "X-Slack-Request-Timestamp",
    "X-Signature-Ed25519",
    "X-Signature-Timestamp",
    "X-Telegram-Bot-Api-Secret-Token",
    "x-amz-sns-message-type",
)
VALUES = st.one_of(
    st.sampled_from(["", "application/json", FORM, "sha256=", "v0=", "Bearer x", "Token x", "1"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=80),
)
QUIET = settings(
    max_examples=300,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUIET
@given(
    sender=st.sampled_from(SENDERS),
    headers=st.dictionaries(st.sampled_from(HEADERS), VALUES, max_size=8),
    body=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)),
)
def test_nothing_that_strangers_send_breaks_the_door(
    open_door: Door, sender: str, headers: dict[str, str], body: bytes
) -> None:
    status = open_door.send(sender, body, headers)

    assert status in (400, 401, 413, 415, 422, 429, 503 if sender in NEEDS else 401)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
MESSAGES = {
    "github": ("github/push_branch.json", {"X-GitHub-Event": "push"}),
    "gitlab token": ("gitlab/push.json", {"X-Gitlab-Event": "Push Hook"}),
    "gitea": ("gitea/push.json", {"X-Gitea-Event": "push"}),
    "gogs": ("gogs/push.json", {"X-Gogs-Event": "push"}),
    "bitbucket_cloud": ("bitbucket_cloud/push.json", {"X-Event-Key": "repo:push"}),
    "bitbucket_dc": ("bitbucket_dc/push.json", {"X-Event-Key": "repo:refs_changed"}),
    "azure basic": ("azure_devops/git_push.json", {}),
    "generic_hmac": ("github/push_branch.json", {}),
}


@QUIET
@given(data=st.data(), name=st.sampled_from(sorted(MESSAGES)))
def test_nothing_that_is_believed_breaks_what_is_behind_it(
    open_door: Door, data: st.DataObject, name: str
) -> None:
    file, headers = MESSAGES[name]
    signing = sent.SIGNINGS[name]
    open_door.declare(signing.sender, signing.keys.secrets[0])
    content = sent.payload(file)
    for _ in range(data.draw(st.integers(0, 3))):
        place = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.booleans()):
                place = place[key]
            else:
                place[key] = data.draw(JSONS)
                break
    body = json.dumps(content).encode()

    status = open_door.send(
        signing.sender,
        body,
        {"Content-Type": "application/json", **headers, **signing.sign(body)},
    )

    assert status in (200, 202, 400, 422)
