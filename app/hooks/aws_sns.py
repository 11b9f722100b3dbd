"""AWS SNS: an RSA signature in the body, by a certificate that lies at an address of Amazon's."""

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import InvalidVersion, load_pem_x509_certificate

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import Event, push
from app.hooks.incoming import JSON, Denied, Incoming, Keys, Unreadable

MEDIA_TYPES: Final = ("text/plain", JSON)  # JSON is what it sends, and text/plain what it says
LIMIT: Final = 2**20  # a message has up to 256 KB, and is a text within JSON
HEADERS: Final = ()
TOLERANCE: Final = 3600  # seconds; SNS tries again for so long, with the first time
HOST: Final = r"sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?"
CERTIFICATE: Final = re.compile(rf"https://{HOST}/[A-Za-z0-9_-]+\.pem")
CONFIRMATION: Final = re.compile(rf"https://{HOST}/\?[!-~]+")
TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
#: Which fields are signed, in this order.
NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
SUBSCRIPTION: Final = (
    *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": NOTIFICATION,
    "SubscriptionConfirmation": SUBSCRIPTION,
    "UnsubscribeConfirmation": SUBSCRIPTION,
}
CODECOMMIT: Final = "CodeCommit Repository State Change"


def fetched_from(incoming: Incoming, keys: Keys) -> str:
    """Name the certificate's address, if it is one of Amazon's. Raise Denied before it is fetched.

    Whoever is not of a topic of the hook's, or signs by SHA-1 where that is not allowed, is denied
    here, too.
    """
    content = _content(incoming)
    if look.text(content, "/Type") not in SIGNED:
        raise Denied("its Type is none of SNS")
    topics = keys.options.get("topics")
    if not isinstance(topics, tuple | list) or content.get("TopicArn") not in topics:
        raise Denied("its TopicArn is none of the hook's topics")
    _algorithm(content, keys)
    url = look.text(content, "/SigningCertURL") or ""
    if not CERTIFICATE.fullmatch(url):
        raise Denied("its SigningCertURL is none of Amazon's")
    return url


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take what the fetched certificate's key has signed, not long ago, for one of the topics."""
    fetched_from(incoming, keys)
    content = _content(incoming)
    sent_at = look.text(content, "/Timestamp") or ""
    try:
        moment = datetime.fromisoformat(sent_at) if TIME.fullmatch(sent_at) else None
    except ValueError:
        moment = None
    if moment is None or abs(now - moment.timestamp()) > TOLERANCE:
        raise Denied("its Timestamp is too far from now, or none")
    try:
        signature = base64.b64decode(look.text(content, "/Signature") or "", validate=True)
        _key(keys, now).verify(signature, _signed(content), PKCS1v15(), _algorithm(content, keys))
    except (InvalidSignature, UnsupportedAlgorithm, InvalidVersion, ValueError) as error:
        raise Denied(f"the signature is missing or wrong: {type(error).__name__}") from None


def read(incoming: Incoming) -> Content:
    """Read JSON, and the JSON within Message where that is an object, so that rules see into it."""
    content = read_json(incoming.body)
    message = content.get("Message")
    if isinstance(message, str):
        with suppress(Unreadable):  # plain text stays what it is
            content["Message"] = read_json(message.encode())
    return content


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of CodeCommit's pushes; of all else that it came, with what it says.

    A subscription is confirmed by people: the event names the address for it.
    """
    kind = look.text(content, "/Type") or "unnamed"
    common: dict[str, Any] = {"delivery": look.text(content, "/MessageId") or ""}
    message = look.below(content, "/Message")
    if kind != "Notification":
        return [Event(event=kind, message=_confirmation(content), **common)]
    if look.text(message, "/detail-type") == CODECOMMIT:
        return [_state_change(message, common)]
    if references := list(_references(message, common)):
        return references
    action, subject = look.text(message, "/detail-type"), look.text(content, "/Subject")
    return [Event(event=kind, action=action, message=subject, **common)]


def _content(incoming: Incoming) -> Content:
    try:
        return read_json(incoming.body)
    except Unreadable as error:
        raise Denied(str(error)) from None


def _algorithm(content: Content, keys: Keys) -> HashAlgorithm:
    version = content.get("SignatureVersion")
    if version == "2":
        return SHA256()
    if version == "1" and keys.options.get("allow_sha1") is True:
        return SHA1()  # noqa: S303 - what SNS signs with unless told otherwise; hooks must allow it
    raise Denied("its SignatureVersion is not 2")


def _key(keys: Keys, now: float) -> RSAPublicKey:
    """The key of the certificate, if that is of now. Raise Denied, ValueError."""
    certificate = load_pem_x509_certificate(keys.fetched or b"")
    moment = datetime.fromtimestamp(now, UTC)
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        raise Denied("the certificate has expired, or is not valid yet")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise Denied("the certificate's key is not RSA")
    return key


def _signed(content: Content) -> bytes:
    """What is signed: each field's name and value on lines of their own. Raise Denied."""
    lines = []
    for name in SIGNED[str(content["Type"])]:
        value = content.get(name)
        if name == "Subject" and value is None:
            continue
        if not isinstance(value, str):
            raise Denied(f"its {name} is missing")
        lines.append(f"{name}\n{value}\n")
    return "".join(lines).encode()


def _confirmation(content: Content) -> str | None:
    url = look.text(content, "/SubscribeURL") or ""
    return f"to subscribe, open {url}" if CONFIRMATION.fullmatch(url) else None


def _place(arn: str | None) -> dict[str, Any]:
    """Tell which repository of CodeCommit it is: arn:aws:codecommit:region:account:name."""
    parts = (arn or "").split(":")
    if len(parts) != 6:
        return {}
    url = f"https://git-codecommit.{parts[3]}.amazonaws.com/v1/repos/{parts[5]}"
    return {"repository": parts[5], "urls": (url,)}


def _references(message: Content, common: Mapping[str, Any]) -> Iterator[Event]:
    """Tell of refs as triggers of CodeCommit do. Raise Unreadable."""
    for record in look.objects(message, "/Records"):
        for reference in look.objects(record, "/codecommit/references"):
            yield push(
                _ref(reference, "/ref"),
                None,
                look.text(reference, "/commit"),
                created=look.flag(reference, "/created"),
                deleted=look.flag(reference, "/deleted"),
                actor=look.text(record, "/userIdentityARN"),
                **_place(look.text(record, "/eventSourceARN")),
                **common,
            )


def _ref(content: Content, pointer: str) -> str:
    ref = look.text(content, pointer)
    if ref is None:
        raise Unreadable("it is called a push and names no ref")
    return ref


def _state_change(message: Content, common: Mapping[str, Any]) -> Event:
    """Tell of a ref as EventBridge does. Raise Unreadable."""
    detail = look.below(message, "/detail")
    kind = look.text(detail, "/event")
    return push(
        _ref(detail, "/referenceFullName"),
        look.text(detail, "/oldCommitId"),
        look.text(detail, "/commitId"),
        created=kind == "referenceCreated",
        deleted=kind == "referenceDeleted",
        actor=look.text(detail, "/callerUserArn"),
        **_place(next(look.texts(message, "/resources"), None)),
        **common,
    )
