"""The certificates that some senders sign with: fetched from where only they can put them."""

from collections.abc import Callable
from threading import Lock
from typing import Final

import httpx

KEPT: Final = 3600.0  # seconds; Google says six hours, and changes them every few days
MOST: Final = 50  # addresses; SNS has a few
PATIENCE: Final = 3.0  # seconds
LARGEST: Final = 200_000  # bytes


class CertificatesAway(Exception):
    """A sender's certificates cannot be had now: nobody can tell whether it is to be believed."""


def fetch_certificates(url: str) -> bytes:
    """Get what is at *url*, a sender's own address. Raise CertificatesAway."""
    try:
        with (
            httpx.Client(timeout=PATIENCE, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
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

    def at(self, url: str) -> bytes:
        """What is at *url*. Raise CertificatesAway."""
        now = self._clock()
        with self._lock:
            until, body = self._kept.get(url, (0.0, b""))
        if now < until:
            return body
        body = self._fetch(url)
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = (now + KEPT, body)
        return body
