"""Sessions of browsers: a cookie that names a token, sealed, and ends with it or after 12 hours.

The token itself is nowhere in it. A page of another site can have a browser send the cookie in
nothing that changes something: it is SameSite, and such a request needs an Origin of ours and
`csrf_token`, in the header X-CSRF-Token or the field `csrf` of a form.
"""

import hmac
import re
import secrets
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from flask import current_app, g, request
from werkzeug.wrappers import Response

from app.problems import Problem
from app.services import Services, services_of
from app.tokens import Known
from runner.store import sessions
from runner.vault import SecretsUnreadable, Vault

COOKIE: Final = "curtain"
LASTS: Final = 12 * 3600  # seconds
SAFE: Final = ("GET", "HEAD", "OPTIONS")
#: Not Strict: whoever follows a link of a chat or a mail to a run would have to sign in again. What
#: other sites' pages may send with it are navigations by GET, which change nothing.
SAME_SITE: Final = "Lax"
#: What a session is sealed as. Of all else that is sealed callers name the fields, such as secret
#: variables: no name of theirs has a space.
SEALED: Final = "session of a browser"
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
#: A path of ours: `//host` and `/\host` lead elsewhere, and browsers drop tabs and newlines.
OWN_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")


class Session(NamedTuple):
    """What is in a cookie."""

    id: str
    #: The token's id, see Known.
    token: str
    #: When it ends, in seconds since 1970.
    until: float


def begin(services: Services, known: Known) -> Session:
    """Make a session of whoever is *known*."""
    return Session(secrets.token_urlsafe(16), known.token, services.clock() + LASTS)


def current() -> Session | None:
    """The session by which this request's caller is known; None when it has a token of its own."""
    session: Session | None = g.get("session")
    return session


def csrf_token() -> str:
    """What this session's pages must send with whatever changes something; empty without one."""
    session = current()
    return _csrf_tokens(services_of(current_app).vault, session)[0] if session else ""


def find(services: Services) -> Known | None:
    """Who sends the request under way, by its cookie; None: nobody, or not any more."""
    session = _read(services)
    known = find_known(services, session) if session else None
    if known is not None:
        g.session = session
    return known


def find_known(services: Services, session: Session) -> Known | None:
    """Whose session it is; None: nobody's any more."""
    if session.until <= services.clock():
        return None
    with services.connection() as conn:
        if sessions.is_ended(conn, session.id):
            return None
        return services.tokens.find(conn, session.token)


def require_own_page(services: Services) -> None:
    """Raise a 403 problem if another site's page may have had the browser send this."""
    session = current()
    if session is None or request.method in SAFE:
        return
    require_own_origin(services)
    given = request.headers.get("X-CSRF-Token", "")
    if not given and request.mimetype in FORMS:
        given = request.form.get("csrf", "")
    expected = _csrf_tokens(services.vault, session)
    if not any(hmac.compare_digest(given.encode(), each.encode()) for each in expected):
        raise Problem(
            HTTPStatus.FORBIDDEN, "send the page's token: X-CSRF-Token, or the field csrf"
        )


def require_own_origin(services: Services) -> None:
    """Raise a 403 problem unless a page of ours sends the request; every browser tells that."""
    scheme, _, host = request.headers.get("Origin", "").partition("://")
    own = {request.host, urlsplit(services.settings.url or "").netloc} - {""}
    if scheme not in ("http", "https") or host not in own:
        raise Problem(HTTPStatus.FORBIDDEN, "only pages of ours may send this")


def own_path(given: str | None) -> str:
    """Where to go next: *given* if that is a path of ours, else the front."""
    return given if given and OWN_PATH.fullmatch(given) else "/"


def keep(services: Services, response: Response, session: Session) -> None:
    """Have the browser keep *session*; over https only, if it came by that."""
    sealed = services.vault.seal({SEALED: session._asdict()})
    assert sealed is not None
    response.set_cookie(
        COOKIE,
        sealed.decode(),
        max_age=LASTS,
        httponly=True,
        samesite=SAME_SITE,
        secure=_is_secure(),
    )


def drop(response: Response) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(COOKIE, httponly=True, samesite=SAME_SITE, secure=_is_secure())


def _is_secure() -> bool:
    # Behind a platform's router we see http; the browser says in Origin what it sees.
    return request.is_secure or request.headers.get("Origin", "").startswith("https:")


def _read(services: Services) -> Session | None:
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    try:
        opened = services.vault.open(cookie.encode("ascii", "replace"))
    except SecretsUnreadable:
        return None
    told = opened.get(SEALED)
    return Session(**told) if told else None


def _csrf_tokens(vault: Vault, session: Session) -> list[str]:
    return [digest.hex() for digest in vault.digests(f"csrf {session.id}")]
