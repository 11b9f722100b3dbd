"""Google Chat: events with a token that Google has signed, RS256 only.

The option `audience` says which: a project's number, for which Chat signs itself, or the hook's
URL, for which Google signs as for anybody, so that the token must also be Chat's.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import JSON, Denied, Incoming, Keys, Unreadable
from app.hooks.plain import fenced
from app.hooks.said import called, delivery, identity, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 4_000  # characters; a message has room for 4,096
MOST_TOKEN: Final = 8_192  # characters
SKEW: Final = 60.0  # seconds that Google's clock may be ahead of ours
CHAT: Final = "chat@system.gserviceaccount.com"
CHAT_CERTIFICATES: Final = f"https://www.googleapis.com/service_accounts/v1/metadata/x509/{CHAT}"
GOOGLE: Final = ("https://accounts.google.com", "accounts.google.com")
GOOGLE_CERTIFICATES: Final = "https://www.googleapis.com/oauth2/v1/certs"


def fetched_from(incoming: Incoming, keys: Keys) -> str:
    """Name the URL of the certificates, by their ids, that the token may be signed with.

    Whoever shows no token is denied here: nothing need be fetched for that.
    """
    _token(incoming)
    return CHAT_CERTIFICATES if _is_project(keys) else GOOGLE_CERTIFICATES


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Let PyJWT compare the signature, the issuer and the audience; the times by *now*."""
    token = _token(incoming)
    try:
        claims = _claims(token, keys)
    except Exception as error:  # of a token, of certificates: whatever PyJWT may meet in them
        raise Denied(f"the token is not believed: {type(error).__name__}") from error
    if not (_time(claims, "exp") > now and _time(claims, "iat") <= now + SKEW):
        raise Denied("the token has expired, or is of the future")
    is_chat = claims.get("email") == CHAT and claims.get("email_verified") is True
    if not _is_project(keys) and not is_chat:
        raise Denied("the token was made for somebody else than Google Chat")


def read(incoming: Incoming) -> Content:
    """Read the JSON."""
    return read_json(incoming.body)


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was written to the app, without its own name."""
    kind = look.text(content, "/type")
    if kind is None:
        raise Unreadable("it is no event of a Chat app; those of Workspace add-ons have no type")
    if kind != "MESSAGE" or look.text(content, "/user/type") == "BOT":
        return Silence(why="it is no message of a person")
    said = look.text(content, "/message/argumentText", "/message/text")
    return Command(
        text=typed(said or ""),
        user=who(content, "/user/name", "/message/sender/name"),
        workspace=identity(content, "/user/domainId"),
        channel=identity(content, "/space/name"),
        user_name=called(content, "/user/displayName"),
        delivery=delivery(look.text(content, "/message/name")),
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a message into the same thread."""
    message: dict[str, Any] = {"text": fenced(say.text, MOST_ANSWER)}
    thread, user = look.text(content, "/message/thread/name"), look.text(content, "/user/name")
    if thread:
        message["thread"] = {"name": thread}
    # In a talk with the app alone all is private, and Chat takes no message that says so.
    space = {look.text(content, "/space/type"), look.text(content, "/space/spaceType")}
    if say.is_private and user and not space & {"DM", "DIRECT_MESSAGE"}:
        message["privateMessageViewer"] = {"name": user}
    return message


def _token(incoming: Incoming) -> str:
    scheme, _, token = incoming.header("Authorization").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= MOST_TOKEN or token.count(".") != 2:
        raise Denied("the Authorization header is missing or of another scheme")
    return token


def _is_project(keys: Keys) -> bool:
    return str(keys.options.get("audience", "")).isdecimal()


def _claims(token: str, keys: Keys) -> dict[str, Any]:
    named = jwt.get_unverified_header(token)["kid"]
    certificate = read_json(keys.fetched or b"")[named]
    key = x509.load_pem_x509_certificate(str(certificate).encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise Denied("the certificate is not of RSA")
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=str(keys.options["audience"]),
        issuer=CHAT if _is_project(keys) else GOOGLE,
        options={
            "require": ["exp", "iat", "aud", "iss"],
            "strict_aud": True,
            # By a clock of its own; we have been given one.
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        },
    )
    return claims


def _time(claims: dict[str, Any], name: str) -> float:
    """The time that a claim tells; no number, which is neither before nor after, for any other."""
    value = claims[name]
    return value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
