"""Amazon's side of SNS: a certificate of its own, and messages signed by it."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.hooks.incoming import Incoming, Keys
from tests.hooks.sent import NOW, incoming

TOPIC = "arn:aws:sns:eu-west-1:123456789012:MyTopic"
FIELDS = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn")


@cache
def key() -> rsa.RSAPrivateKey:
    """The key that Amazon signs with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(private: Any = None, *, valid_from: float = NOW - 86_400, days: int = 30) -> bytes:
    """The certificate that lies at SigningCertURL."""
    private = private or key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    since = datetime.fromtimestamp(valid_from, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=days))
        .sign(private, SHA256())
        .public_bytes(Encoding.PEM)
    )


def elliptic() -> bytes:
    """A certificate whose key is none of SNS'."""
    return certificate(ec.generate_private_key(ec.SECP256R1()))


def sign(content: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """Sign a message, with *changed* fields; those that are None are left out."""
    signed = {name: value for name, value in {**content, **changed}.items() if value is not None}
    lines = [f"{name}\n{signed[name]}\n" for name in (*FIELDS, "Type") if name in signed]
    algorithm = SHA1() if signed["SignatureVersion"] == "1" else SHA256()  # noqa: S303 - theirs
    signature = key().sign("".join(lines).encode(), PKCS1v15(), algorithm)
    return {**signed, "Signature": base64.b64encode(signature).decode()}


def request(content: Mapping[str, Any]) -> Incoming:
    """What SNS sends: JSON that is called text."""
    kind = "text/plain; charset=UTF-8"
    return incoming(json.dumps(content).encode(), {"x-amz-sns-message-type": "Notification"}, kind)


@cache
def fetched() -> bytes:
    """The certificate, fetched once."""
    return certificate()


def keys(**changed: Any) -> Keys:
    """What a hook of SNS knows once the certificate was fetched."""
    options = {"topics": (TOPIC,), "allow_sha1": False, **changed}
    return Keys(secrets=(), fetched=options.pop("fetched", fetched()), options=options)
