"""The certificates that some senders sign with: fetched from where only they can put them."""

from collections.abc import Callable
from threading import Lock
from typing import Final

import httpx

from app.hooks.incoming import Denied

KEPT: Final = 3600.0  # seconds; Google says six hours, and changes them every few days
MOST: Final = 50  # addresses; SNS has a few
PAUSE: Final = 5.0  # seconds after which those that could not be had are asked for again
PATIENCE: Final = 3.0  # seconds
LARGEST: Final = 200_000  # bytes
#: S3, where SNS has its certificates, says 403 of what is not there.
MISSING: Final = (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND)


class CertificatesAway(Exception):
    """A sender's certificates cannot be had now: nobody can tell whether it is to be believed."""


def fetch_certificates(url: str) -> bytes:
    """Get what is at *url*, a sender's own address. Raise CertificatesAway; Denied for 403, 404."""
    try:
        with (
            httpx.Client(timeout=PATIENCE, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code in MISSING:
                raise Denied(f"there is no certificate at {url}")
            if response.status_code != httpx.codes.OK:
                raise CertificatesAway(f"{url}: {response.status_code}")
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise CertificatesAway(f"{url}: more than {LARGEST} bytes")
            return body
    except httpx.HTTPError as error:
        raise CertificatesAway(f"{url}: {error}") from error


class Certificates:
    """Those that were fetched, for as long as they are taken for new."""

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], float]) -> None:
        """Fetch nothing yet."""
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        #: By address, with the time at which they are too old.
        self._kept: dict[str, tuple[float, bytes]] = {}
        #: Addresses that did not answer, and until when nobody waits for them again.
        self._away: dict[str, float] = {}

    def at(self, url: str) -> bytes:
        """What is at *url*. Raise CertificatesAway, Denied."""
        now = self._clock()
        with self._lock:
            until, body = self._kept.get(url, (0.0, b""))
            away_until = self._away.get(url, 0.0)
        if now < until:
            return body
        if now < away_until:
            raise CertificatesAway(f"{url} did not answer just now")
        try:
            body = self._fetch(url)
        except CertificatesAway:
            self._note_away(url, now + PAUSE)
            raise
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = (now + KEPT, body)
        return body

    def _note_away(self, url: str, until: float) -> None:
        with self._lock:
            if len(self._away) >= MOST:
                self._away.clear()
            self._away[url] = until
