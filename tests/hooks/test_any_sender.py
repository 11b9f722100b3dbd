"""What holds of every sender of events: nobody without a secret, and nothing that breaks us."""

import functools
import json
import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.hooks import aws_sns
from app.hooks.event import Event, faults
from app.hooks.incoming import FORM, JSON, Denied, Incoming, Keys, Unreadable
from app.hooks.sender import Handshake
from app.hooks.senders import EVENT_SENDERS
from tests.hooks import amazon
from tests.hooks.sent import (
    NOW,
    OF_THE_BODY,
    PAYLOADS,
    SECRET,
    SIGNING_TOKEN,
    SIGNINGS,
    Signing,
    incoming,
    mac,
    raw,
)

BODY = b'{"ref": "refs/heads/main", "n": 1}'
EACH = pytest.mark.parametrize("signing", SIGNINGS.values(), ids=list(SIGNINGS))
EACH_OF_THE_BODY = pytest.mark.parametrize("signing", OF_THE_BODY.values(), ids=list(OF_THE_BODY))


def assert_denied(signing: Signing, request: Incoming, now: float = NOW) -> None:
    with pytest.raises(Denied):
        signing.verify(request, now)


def test_every_sender_signs_in_these_tests():
    assert {each.sender for each in SIGNINGS.values()} | {"aws_sns"} == set(EVENT_SENDERS)


@pytest.mark.parametrize("name", EVENT_SENDERS)
def test_a_sender_takes_json_within_a_limit_and_keeps_no_header_that_proves_it(name):
    sender = EVENT_SENDERS[name]

    assert JSON in sender.MEDIA_TYPES
    assert 0 < sender.LIMIT <= 26 * 2**20
    assert all(each == each.lower() for each in sender.HEADERS)
    assert not {each.proof for each in SIGNINGS.values()} & set(sender.HEADERS)


@EACH
@pytest.mark.parametrize("body", [BODY, b"", b"[" * 100_000, "é".encode()])
def test_whoever_knows_the_secret_is_believed_whatever_the_body_is(signing, body):
    signing.verify(signing.request(body))


def proofs(proof: str) -> list[str]:
    """What others would put into the header."""
    last = proof[-1]
    return [
        "",
        " ",
        "sha256=",
        "sha1=",
        "=",
        "Basic ",
        proof.upper(),
        proof[:-1],
        proof + "00",
        proof[:-1] + ("0" if last != "0" else "1"),
        proof + " ",
        " " + proof,
        f"{proof}, {proof}",
        f"{proof},{proof}",
        f"other={proof}",
        proof.partition("=")[2] or f"sha256={proof}",
        proof.swapcase(),
        "é" * 64,
        "\udcff" * 64,
        "\uff10" * 64,
        mac(BODY, "sha1"),
        f"sha256={mac(BODY, 'sha1')}",
        f"sha1={mac(BODY, 'sha1')}",
        mac(BODY, secret=""),
        f"sha256={mac(BODY, secret='')}",
        "0" * 10_000,
    ]


@EACH
def test_a_proof_in_any_other_form_is_denied(signing):
    headers = {name.lower(): value for name, value in signing.sign(BODY).items()}
    right = headers[signing.proof]
    for said in proofs(right):
        if said != right:
            assert_denied(signing, incoming(BODY, {**headers, signing.proof: said}))


@EACH
def test_a_missing_proof_is_denied(signing):
    others = {n: v for n, v in signing.sign(BODY).items() if n.lower() != signing.proof}

    assert_denied(signing, incoming(BODY, others))
    assert_denied(signing, incoming(b"", {}))


@EACH
def test_an_empty_secret_or_none_lets_nobody_in(signing):
    for secrets in ((), ("",), ("whsec_",)):
        hook = Keys(secrets=secrets, options=signing.keys.options)
        for proof in ("", mac(BODY, secret=""), f"sha256={mac(BODY, secret='')}", "Basic Og=="):
            request = incoming(BODY, {**signing.sign(BODY), signing.proof: proof})
            with pytest.raises(Denied):
                EVENT_SENDERS[signing.sender].verify(request, hook, NOW)


@EACH_OF_THE_BODY
@pytest.mark.parametrize(
    "other",
    [
        BODY + b"\n",
        BODY + b"\r\n",
        b"\xef\xbb\xbf" + BODY,
        BODY.replace(b": ", b":"),
        json.dumps(json.loads(BODY), sort_keys=True).encode(),
        BODY.decode().encode("utf-16"),
        b"",
    ],
)
def test_a_signature_is_of_these_bytes_only(signing, other):
    assert_denied(signing, incoming(other, signing.sign(BODY)))


@EACH
def test_each_of_two_secrets_is_enough_while_one_is_rotated(signing):
    is_standard = signing.proof == "webhook-signature"
    other = SIGNING_TOKEN[:-4] + "AAAA" if is_standard else "another-secret-of-the-tests"
    sender, request = EVENT_SENDERS[signing.sender], signing.request(BODY)
    (old,) = signing.keys.secrets

    for secrets in ((old, other), (other, old)):
        sender.verify(request, Keys(secrets=secrets, options=signing.keys.options), NOW)
    with pytest.raises(Denied):
        sender.verify(request, Keys(secrets=(other,), options=signing.keys.options), NOW)


@EACH
def test_no_word_of_a_denial_helps_to_be_believed(signing):
    with pytest.raises(Denied) as denied:
        signing.verify(incoming(BODY, {signing.proof: "sha256=0"}))

    said = str(denied.value)
    assert not any(secret in said for secret in signing.keys.secrets)
    assert mac(BODY) not in said
    assert SECRET not in said


#: Enough, for each of so many senders.
FEW = settings(max_examples=50, deadline=None)
NAMES = sorted({name.lower() for each in SIGNINGS.values() for name in each.sign(b"{}")})
VALUES = st.text(max_size=80) | st.sampled_from(
    ["sha256=", "v1,", "Basic ", SECRET[:-1], "1775000000", "msg_1", mac(BODY, secret="other")]
)
#: Hypothesis finds the words of our own files, and so the secret, and headers that are looked at.
STRANGE = VALUES.filter(lambda text: text != SECRET)
EXTRA = st.text(max_size=20).map("x-extra-{}".format)


@EACH
@FEW
@given(
    headers=st.dictionaries(st.sampled_from(NAMES), STRANGE),
    body=st.binary(max_size=200) | st.just(BODY),
    media_type=st.sampled_from([JSON, FORM, "", "é"]),
    now=st.floats(0, 4e9),
)
def test_headers_and_bodies_of_strangers_are_denied(signing, headers, body, media_type, now):
    assert_denied(signing, incoming(body, headers, media_type), now)


@EACH
@FEW
@given(now=st.floats(0, 4e9), extra=st.dictionaries(EXTRA, st.text(max_size=20)))
def test_a_right_proof_is_believed_or_denied_at_any_time(signing, now, extra):
    try:
        signing.verify(incoming(BODY, {**extra, **signing.sign(BODY)}), now)
    except Denied:
        assert signing.proof == "webhook-signature"
        assert abs(now - NOW) > 300


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["refs/heads/main", "0" * 40, "{{ 1 }}", "-x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@FEW
@given(content=JSON_VALUES | st.dictionaries(st.sampled_from(["Type", "TopicArn", "SigningCertURL",
       "SignatureVersion", "Signature", "Timestamp", "Message"]), JSON_VALUES))  # fmt: skip
def test_messages_of_strangers_are_denied_by_sns(content):
    with pytest.raises(Denied):
        aws_sns.verify(amazon.request(content), amazon.keys(), NOW)


@FEW
@given(body=st.binary(max_size=100), fetched=st.binary(max_size=100) | st.none())
def test_bodies_of_strangers_are_denied_by_sns(body, fetched):
    with pytest.raises(Denied):
        aws_sns.verify(incoming(body, {}), amazon.keys(fetched=fetched), NOW)


@FEW
@given(field=st.sampled_from([*amazon.FIELDS, "Type", "Signature", "SignatureVersion"]),
       value=JSON_VALUES)  # fmt: skip
def test_a_signed_message_with_another_value_is_denied_by_sns(field, value):
    content = json.loads(raw("aws/sns_notification_v2.json"))
    signed = amazon.sign(content, Timestamp="2026-03-31T23:33:20.000Z")
    aws_sns.verify(amazon.request(signed), amazon.keys(), NOW)
    if value == signed.get(field) or field in ("SubscribeURL", "Token"):
        return  # of a notification they are not signed, and nothing is made of them
    if field == "Subject" and value is None:
        del signed["Subject"]

    with pytest.raises(Denied):
        aws_sns.verify(amazon.request(signed | {field: value}), amazon.keys(), NOW)


#: What each sender may call its events, by the header that says so.
KINDS = {
    "aws_sns": ("x", [""]),
    "azure_devops": ("x", [""]),
    "bitbucket_cloud": ("x-event-key", ["repo:push", "pullrequest:fulfilled", "pullrequest:a"]),
    "bitbucket_dc": ("x-event-key", ["", "diagnostics:ping"]),
    "generic_hmac": ("x", [""]),
    "gitea": ("x-gitea-event", ["push", "pull_request", "release", "create", "delete"]),
    "github": ("x-github-event", ["push", "pull_request", "release", "workflow_run", "ping",
               "workflow_dispatch", "repository_dispatch", "create"]),
    "gitlab": ("x-gitlab-event", ["", "Push Hook", "Merge Request Hook", "Release Hook"]),
    "gogs": ("x-gogs-event", ["push", "pull_request", "release", "create", "delete"]),
    "standard_webhooks": ("webhook-id", ["msg_1"]),
}  # fmt: skip
SAMPLES = {
    name: [
        EVENT_SENDERS[name].read(incoming(path.read_bytes(), {}))
        for path in sorted((PAYLOADS / name.removesuffix("_sns")).glob("*.json"))
    ]
    or [{"type": "a", "id": "1", "event": "b", "specversion": "1.0"}]
    for name in EVENT_SENDERS
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a content."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, each in inner:
        found.append((*path, name))
        if isinstance(each, dict | list):
            found += places(each, (*path, name))
    return found


def changed(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value there."""
    copy = json.loads(json.dumps(content))
    functools.reduce(operator.getitem, path[:-1], copy)[path[-1]] = value
    return copy


def assert_told(name: str, headers: dict[str, str], content: Any) -> None:
    """Whatever it is, it is events, a handshake or refused."""
    try:
        told = EVENT_SENDERS[name].events(headers, content)
    except Unreadable:
        return
    if isinstance(told, Handshake):
        return
    assert told
    for event in told:
        assert isinstance(event, Event)
        assert all(isinstance(text, str) for text in (event.event, event.delivery))
        assert event.event
        faults(event)
        event.facts()


@pytest.mark.parametrize("name", EVENT_SENDERS)
def test_a_payload_with_any_one_place_changed_is_events_or_refused(name):
    header, kinds = KINDS[name]
    for sample in SAMPLES[name]:
        content = json.loads(json.dumps(sample))
        for path in places(sample):
            here = functools.reduce(operator.getitem, path[:-1], content)
            was = here[path[-1]]
            for value in (None, [], {}, 1, "x"):
                here[path[-1]] = value
                for kind in kinds:
                    assert_told(name, {header: kind}, content)
            here[path[-1]] = was
        assert content == sample


@pytest.mark.parametrize("name", EVENT_SENDERS)
@FEW
@given(data=st.data())
def test_whatever_a_payload_becomes_it_is_events_or_refused(name, data):
    header, kinds = KINDS[name]
    content = data.draw(st.sampled_from(SAMPLES[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        paths = places(content)
        if paths:
            content = changed(content, data.draw(st.sampled_from(paths)), data.draw(JSON_VALUES))
    assert_told(name, {header: data.draw(st.sampled_from(kinds) | st.text(max_size=20))}, content)


@pytest.mark.parametrize("name", EVENT_SENDERS)
@FEW
@given(content=st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=4))
def test_any_object_is_events_or_refused(name, content):
    header, kinds = KINDS[name]
    for kind in kinds:
        assert_told(name, {header: kind}, content)


@pytest.mark.parametrize("name", EVENT_SENDERS)
@FEW
@given(body=st.binary(max_size=100), media_type=st.sampled_from([JSON, FORM, "text/plain"]))
def test_any_body_is_read_or_refused(name, body, media_type):
    try:
        content = EVENT_SENDERS[name].read(incoming(body, {}, media_type))
    except Unreadable:
        return
    assert isinstance(content, dict)
