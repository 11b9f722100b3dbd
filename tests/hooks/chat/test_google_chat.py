"""Google Chat: tokens that Google has signed for us, and no others."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from app.hooks import google_chat
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import NOW, as_json, incoming, keys, payload, read_file

MESSAGE = "google_chat/message.json"
PROJECT = "1234567890"
URL = "https://curtain.example/hooks/chat"
CHAT = "chat@system.gserviceaccount.com"
KEY = generate_private_key(65537, 2048)
OTHER = generate_private_key(65537, 2048)
CURVE = generate_ec(SECP256R1())
OF_PROJECT = {"iss": CHAT, "aud": PROJECT, "iat": NOW - 10, "exp": NOW + 3590}
OF_URL = {
    "iss": "https://accounts.google.com",
    "aud": URL,
    "email": CHAT,
    "email_verified": True,
    "iat": NOW - 10,
    "exp": NOW + 3590,
}


def certificate(key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.fromtimestamp(NOW, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


PEM = certificate(KEY)
CERTIFICATES = json.dumps({"k1": PEM, "k2": certificate(CURVE), "k3": 7, "k4": "no PEM"}).encode()


def token(claims, key=KEY, algorithm="RS256", kid="k1"):
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None)


def bearing(given):
    return incoming(payload(MESSAGE), {"Authorization": f"Bearer {given}"})


def verify(given, audience=PROJECT, fetched=CERTIFICATES, now=NOW):
    google_chat.verify(bearing(given), keys(fetched=fetched, audience=audience), now)


def test_chats_own_token_is_believed_for_the_project():
    verify(token(OF_PROJECT))


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_googles_token_for_chat_is_believed_for_the_url(issuer):
    verify(token({**OF_URL, "iss": issuer}), URL)


@pytest.mark.parametrize(
    ("audience", "url"),
    [
        (PROJECT, f"https://www.googleapis.com/service_accounts/v1/metadata/x509/{CHAT}"),
        (URL, "https://www.googleapis.com/oauth2/v1/certs"),
    ],
)
def test_the_certificates_are_googles_whatever_the_token_says(audience, url):
    claims = {**OF_PROJECT, "iss": "https://evil.example"}
    request = bearing(token(claims, kid="https://evil.example/key"))

    assert google_chat.fetched_from(request, keys(audience=audience)) == url


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic a.b.c", "Bearer " + "x" * 9000])
def test_nothing_is_fetched_for_who_shows_no_token(given):
    request = incoming(payload(MESSAGE), {"Authorization": given})

    with pytest.raises(Denied):
        google_chat.fetched_from(request, keys(audience=PROJECT))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aud": "1234567891"}, "for another project"),
        ({"aud": [PROJECT]}, "a list of audiences"),
        ({"aud": None}, "for nobody"),
        ({"iss": "https://accounts.google.com"}, "not Chat's own"),
        ({"iss": ""}, "of nobody"),
        ({"exp": NOW - 1}, "expired"),
        ({"exp": NOW}, "expires now"),
        ({"exp": "never"}, "no time"),
        ({"exp": True}, "no time either"),
        ({"exp": float("nan")}, "neither before nor after"),
        ({"iat": NOW + 61}, "of the future"),
        ({"iat": "x"}, "no time"),
    ],
)
def test_a_token_for_others_or_of_another_time_is_denied(changed, why):
    with pytest.raises(Denied):
        verify(token({**OF_PROJECT, **changed}))


@pytest.mark.parametrize("missing", ["exp", "iat", "aud", "iss"])
def test_a_token_without_a_claim_is_denied(missing):
    with pytest.raises(Denied):
        verify(token({name: value for name, value in OF_PROJECT.items() if name != missing}))


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "evil@evil.iam.gserviceaccount.com"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"aud": "https://another.example/hooks/chat"},
        {"iss": CHAT},
        {"iss": "https://evil.example"},
    ],
)
def test_googles_token_for_anybody_else_is_denied(changed):
    with pytest.raises(Denied):
        verify(token({**OF_URL, **changed}), URL)


def test_a_token_that_is_not_signed_is_denied():
    with pytest.raises(Denied):
        verify(token(OF_PROJECT, key=None, algorithm="none"))


def test_a_certificate_is_no_password():
    # HS256 with the certificate's text as its key: what a reader takes that goes by the token.
    header, claims, _ = token(OF_PROJECT, "x" * 40, "HS256").split(".")
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = jwt.utils.base64url_encode(signer.sign(f"{header}.{claims}".encode(), PEM.encode()))

    with pytest.raises(Denied):
        verify(f"{header}.{claims}.{signature.decode()}")


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (OTHER, "RS256", "k1"),
        (KEY, "RS512", "k1"),
        (KEY, "PS256", "k1"),
        (CURVE, "ES256", "k2"),
        (KEY, "RS256", "k2"),
        (KEY, "RS256", "k3"),
        (KEY, "RS256", "k4"),
        (KEY, "RS256", "unknown"),
        (KEY, "RS256", None),
    ],
)
def test_any_other_key_or_algorithm_is_denied(key, algorithm, kid):
    with pytest.raises(Denied):
        verify(token(OF_PROJECT, key, algorithm, kid))


@pytest.mark.parametrize("fetched", [None, b"", b"[]", b"<html>", b"\xff", b"{}"])
def test_without_certificates_nothing_is_believed(fetched):
    with pytest.raises(Denied):
        verify(token(OF_PROJECT), fetched=fetched)


@pytest.mark.parametrize("audience", ["", None])
def test_without_an_audience_nothing_is_believed(audience):
    claims = {**OF_URL, "aud": str(audience or "")}

    with pytest.raises(Denied):
        google_chat.verify(
            bearing(token(claims)),
            keys(fetched=CERTIFICATES, **({"audience": audience} if audience == "" else {})),
            NOW,
        )


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer é", "Bearer a.b.c", "Bearer " + "x" * 9000],
)
def test_what_is_no_token_is_denied(header):
    request = incoming(payload(MESSAGE), {"Authorization": header})

    with pytest.raises(Denied):
        google_chat.verify(request, keys(fetched=CERTIFICATES, audience=PROJECT), NOW)


def test_a_message_is_told_without_the_apps_name():
    assert google_chat.command(read_file(MESSAGE), keys()) == Command(
        text="stop 42",
        user="users/1",
        channel="spaces/AAAA",
        user_name="Alice",
        delivery="spaces/AAAA/messages/1",
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "ADDED_TO_SPACE"},
        {"type": "CARD_CLICKED"},
        {"user": {"name": "users/1", "type": "BOT"}},
    ],
)
def test_what_no_person_has_written_says_nothing(changed):
    assert isinstance(google_chat.command(as_json(MESSAGE, **changed), keys()), Silence)


@pytest.mark.parametrize("content", [{}, {"type": "MESSAGE"}, {"chat": {"messagePayload": {}}}])
def test_what_is_no_event_of_an_app_is_unreadable(content):
    with pytest.raises(Unreadable):
        google_chat.command(content, keys())


def test_an_answer_is_for_the_one_who_asked_and_in_the_thread():
    content = as_json(MESSAGE)
    content["message"]["thread"] = {"name": "spaces/AAAA/threads/1"}

    private = google_chat.answer(Say(text="no"), content, keys())
    public = google_chat.answer(Say(text="yes", is_private=False), content, keys())

    assert private == {
        "text": "no",
        "thread": {"name": "spaces/AAAA/threads/1"},
        "privateMessageViewer": {"name": "users/1"},
    }
    assert "privateMessageViewer" not in public


def test_in_a_talk_with_the_app_all_is_private():
    content = as_json(MESSAGE, space={"name": "spaces/AAAA", "type": "DM"})

    assert google_chat.answer(Say(text="no"), content, keys()) == {"text": "no"}


def test_an_answer_rings_nobodys_phone():
    assert "<users/all>" not in google_chat.answer(Say(text="<users/all>"), {}, keys())["text"]
