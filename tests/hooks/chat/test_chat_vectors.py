"""Every signature of a chat that its makers have published."""

import json

import pytest

from app.hooks.chats import CHAT_SENDERS
from app.hooks.incoming import Denied
from tests.hooks.chat.chatting import NOW, incoming, keys, payload

VECTORS = json.loads(payload("vectors.json"))["vectors"]


def verify(vector):
    file = vector.get("body_file")
    body = payload(file) if file else vector["body"].encode()
    headers = dict(vector["headers"])
    secret = vector.get("secret") or vector["public_key_hex"]
    request = incoming(body, headers, headers["Content-Type"])
    CHAT_SENDERS[vector["sender"]].verify(request, keys(secret), time_of(vector))


def time_of(vector):
    """When it was signed, where its source says nothing else."""
    signed_at = vector["headers"].get("X-Signature-Timestamp", NOW)
    return float(vector.get("now", signed_at))


def of(expected):
    found = [vector for vector in VECTORS if vector["expect"] == expected]
    assert found
    return pytest.mark.parametrize("vector", found, ids=lambda vector: vector["id"])


@of("valid")
def test_a_published_signature_is_believed(vector):
    verify(vector)


@of("invalid")
def test_a_published_wrong_signature_is_denied(vector):
    with pytest.raises(Denied):
        verify(vector)


@of("valid")
def test_a_published_signature_holds_for_no_other_byte(vector):
    file = vector.get("body_file")
    body = payload(file).decode() if file else vector["body"]
    for other in (body + "\n", "\ufeff" + body, body[:-1], body.replace("e", "E", 1), ""):
        changed = {**vector, "body": other, "body_file": None}
        with pytest.raises(Denied):
            verify(changed)
