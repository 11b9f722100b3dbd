"""Anybody who signs with HMAC, in each way that a hook can say."""

import base64
import hmac

import pytest

from app.hooks import generic_hmac
from app.hooks.event import Event
from app.hooks.incoming import Denied
from tests.hooks.sent import GENERIC, SECRET, incoming, keys

BODY = b'{"a": "z"}'


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "v1,"])
def test_a_signature_is_believed_as_the_hook_says(algorithm, encoding, prefix):
    digest = hmac.digest(SECRET.encode(), BODY, algorithm)
    written = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    says = {**GENERIC, "algorithm": algorithm, "encoding": encoding, "prefix": prefix}
    request = incoming(BODY, {"x-signature": prefix + written})

    generic_hmac.verify(request, keys(**says), 0)
    for other in (
        {"algorithm": "sha256" if algorithm != "sha256" else "sha512"},
        {"encoding": "base64" if encoding == "hex" else "hex"},
        {"prefix": f"other{prefix}"},
        {"header": "X-Other"},
    ):
        with pytest.raises(Denied):
            generic_hmac.verify(request, keys(**{**says, **other}), 0)


def test_the_event_is_what_the_content_calls_it():
    assert generic_hmac.events({}, {"type": "deploy", "event": "b"}) == [Event(event="deploy")]
    assert generic_hmac.events({}, {"event": "deploy"}) == [Event(event="deploy")]
    assert generic_hmac.events({}, {"type": 1}) == [Event(event="message")]


def test_an_id_is_the_deliverys_in_cloud_events_only():
    """Others have ids of what an event is about: its second event would be taken for the first."""
    (cloud,) = generic_hmac.events({}, {"specversion": "1.0", "id": "7", "type": "a"})
    (other,) = generic_hmac.events({}, {"id": "ISSUE-1", "type": "a"})

    assert (cloud.delivery, other.delivery) == ("7", "")
