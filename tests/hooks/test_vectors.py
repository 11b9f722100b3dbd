"""Signatures that senders and libraries have published, each as its source has it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app.hooks.incoming import Denied, Keys
from app.hooks.senders import EVENT_SENDERS
from tests.hooks.sent import NOW, PAYLOADS, incoming

FILE = Path(__file__).parent / "vectors.json"
VECTORS = json.loads(FILE.read_text())["vectors"]
#: Of the vectors of adnanh/webhook, whose scheme is the hook's to say.
ALGORITHMS = {f"hmac-{each}-hex": each for each in ("sha1", "sha256", "sha512")}


def body_of(vector: dict[str, Any]) -> bytes:
    if "body_file" in vector:
        return (PAYLOADS / vector["body_file"]).read_bytes()
    return str(vector["body"]).encode()


def named(vector: dict[str, Any]) -> str:
    return str(vector["id"])


def verify(vector: dict[str, Any], body: bytes) -> None:
    options = {
        "header": "X-Signature",
        "prefix": "",
        "algorithm": ALGORITHMS.get(vector["scheme"], "sha256"),
        "encoding": "hex",
    }
    request = incoming(body, vector["headers"])
    keys = Keys(secrets=(vector["secret"],), options=options)
    EVENT_SENDERS[vector["sender"]].verify(request, keys, vector.get("now", NOW))


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_the_bytes_are_those_that_were_published(vector):
    assert hashlib.sha256(body_of(vector)).hexdigest() == vector["body_sha256"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["expect"] == "valid"], ids=named)
def test_a_published_signature_is_believed(vector):
    verify(vector, body_of(vector))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["expect"] == "invalid"], ids=named)
def test_a_published_forgery_is_denied(vector):
    with pytest.raises(Denied):
        verify(vector, body_of(vector))


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS if v["expect"] == "valid" and v["scheme"] != "shared-token"],
    ids=named,
)
def test_a_published_signature_is_of_these_bytes_only(vector):
    with pytest.raises(Denied):
        verify(vector, body_of(vector) + b"\n")


def test_every_vector_says_one_or_the_other():
    assert {vector["expect"] for vector in VECTORS} == {"valid", "invalid"}
