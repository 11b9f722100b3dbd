"""The API, as commands call it: answers as they come, problems as errors, and its own patience."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from app.cli.errors import Answered, NothingFound, Unreachable
from app.cli.lean import httpx
from app.cli.places import Place
from app.cli.told import read
from app.version import VERSION

PREFIX = "/api/v1"
ANSWER = 60.0  # seconds; GET /runs/ID/rerun may take 20 and more
CONNECT = 10.0  # seconds
#: Seconds before each further attempt at what may be asked twice.
PAUSES = (0.3, 1.0, 2.0, 4.0)
LONGEST_PAUSE = 10.0  # seconds that a Retry-After is listened to
PAGE = 500  # the most that one page of a list holds

#: Answers of a server, or of a router before it, that is away for a moment.
AWAY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class Client:
    """Calls one server with one token."""

    def __init__(self, place: Place, *, patience: float = ANSWER, tries: int = 5) -> None:
        """Connect to nothing yet. *patience*: seconds for an answer."""
        self.place = place
        self.tries = tries
        self.http = httpx.Client(
            headers={
                "Authorization": f"Bearer {place.token}",
                "User-Agent": f"curtain/{VERSION}",
            },
            timeout=httpx.Timeout(patience, connect=min(CONNECT, patience)),
            follow_redirects=False,  # the token is for this server
            verify=_believed(place.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Read. *path* is below /api/v1, or from the top with two slashes."""
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        key: str | None = None,
        is_repeatable: bool = True,
    ) -> Any:
        """Ask and return what was answered, None if nothing.

        What is repeatable is asked again when the server is away for a moment: reading, putting,
        stopping, and whatever has a *key*, which makes the same of it each time. Raise Answered
        or Unreachable.
        """
        headers = {"Idempotency-Key": key} if key else {}
        return self._patiently(
            lambda: self._content(self._send(method, path, body, query or {}, headers)),
            self.tries if is_repeatable else 1,
        )

    def _patiently(self, ask: Callable[[], Any], tries: int) -> Any:
        for pause in PAUSES[: tries - 1]:
            try:
                return ask()
            except (Unreachable, Answered) as error:
                if not is_passing(error):
                    raise
                wait = error.wait if isinstance(error, Answered) else 0.0
                time.sleep(max(pause, min(wait, LONGEST_PAUSE)))
        return ask()

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        query: dict[str, Any],
        headers: dict[str, str],
    ) -> httpx.Response:
        try:
            return self.http.request(
                method, self.url(path), json=body, params=_given(query), headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self.place.url, error) from None

    def url(self, path: str) -> str:
        """The whole address."""
        if path.startswith("//"):
            return self.place.url + path[1:]
        # `next` of a page is a path from the top.
        return self.place.url + (path if path.startswith(PREFIX) else PREFIX + path)

    def _content(self, response: httpx.Response) -> Any:
        if not response.is_success:
            raise answered(self.place.url, response, response.content)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return read(response.content)
        except Unreachable:
            raise Unreachable(foreign(self.place.url, response)) from None

    def pages(self, path: str, member: str, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Read a list page by page, up to *most* entries."""
        left = most
        page = self.get(path, limit=min(PAGE, left or PAGE), **query)
        while True:
            shown = page[member] if left is None else page[member][:left]
            yield from shown
            left = None if left is None else left - len(shown)
            if left == 0 or not page["next"]:
                return
            page = self.get(page["next"])

    @contextmanager
    def stream(self, path: str, silence: float, **headers: str) -> Iterator[httpx.Response]:
        """Read an answer as it comes; *silence*: seconds without a byte that are borne."""
        timeout = httpx.Timeout(silence, connect=min(CONNECT, silence))
        try:
            with self.http.stream(
                "GET", self.url(path), headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    raise answered(self.place.url, response, response.read())
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self.place.url, error) from None


def _believed(url: str) -> ssl.SSLContext | bool:
    """Whose certificates are believed: the world's, or SSL_CERT_FILE's; nobody's without TLS."""
    # To read the world's takes 50 ms.
    return True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def at(*parts: str) -> str:
    """The path of what has such a name. Raise NothingFound for names that nothing can have."""
    if any(part in ("", ".", "..") for part in parts):
        raise NothingFound(f"there is no {parts[-2].removesuffix('s')} {parts[-1]!r}")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, [], ())}


def answered(url: str, response: httpx.Response, content: bytes) -> Answered | Unreachable:
    """Make an error of an answer that is no success."""
    if response.is_redirect:
        return Unreachable(
            f"{url} sends callers on to {response.headers.get('location')}: "
            "if you trust that address, `curtain login` there"
        )
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unreachable(foreign(url, response))
        body = {"detail": f"{url} answered {response.status_code} {response.reason_phrase}"}
    after = response.headers.get("retry-after", "")
    return Answered(response.status_code, body, float(after) if after.isdecimal() else 0.0)


def foreign(url: str, response: httpx.Response) -> str:
    kind = response.headers.get("content-type", "nothing")
    return f"what answers at {url} is not Curtain: {response.status_code} with {kind}"


def unreachable(url: str, error: httpx.HTTPError | httpx.InvalidURL) -> Unreachable:
    """Say in words why there is no answer; the error's own words have no secret of ours."""
    match error:
        case httpx.ConnectTimeout():
            why = "it cannot be connected to"
        case httpx.TimeoutException():
            why = "it does not answer in time"
        case _:
            why = str(error) or type(error).__name__
    is_for_good = isinstance(error, httpx.ConnectError) and "CERTIFICATE" in why
    return Unreachable(f"{url}: {why}", is_passing=not is_for_good)


def is_passing(error: Exception) -> bool:
    """Whether it may be better in a moment."""
    if isinstance(error, Answered):
        return error.status in AWAY
    return isinstance(error, Unreachable) and error.is_passing
