"""The server that takes e-mail, as CURTAIN_SMTP_URL tells it. Pure."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtps": 465}


class MailServer(NamedTuple):
    """How to speak to it."""

    host: str
    port: int
    #: TLS from the first byte.
    is_tls: bool
    #: TLS before anything is said of us.
    starttls: bool
    user: str | None
    password: str | None


def mail_server(url: str) -> MailServer:
    """Read smtp://[user:password@]host[:port][?starttls] or smtps://…. Raise ValueError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be smtp://host:port, smtp://…?starttls or smtps://…")
    if parts.query not in ("", "starttls") or parts.fragment:
        raise ValueError("knows no options but ?starttls")
    server = MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        starttls=parts.query == "starttls",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
    if (server.user is None) != (server.password is None):
        raise ValueError("must have user and password, or neither")
    if server.password and not (server.is_tls or server.starttls):
        raise ValueError("must not send a password in clear: add ?starttls, or use smtps://")
    return server
