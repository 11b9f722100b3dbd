"""The certificates that senders sign with: fetched once, and not for whoever asks."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from app.certificates import Certificates, CertificatesAway, fetch_certificates
from app.hooks.incoming import Denied

URL = "https://sender.example/certificate.pem"


class Clock:
    now = 1000.0


class Fetch:
    """Answers as it is told, and counts."""

    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None

    def __call__(self, url: str) -> bytes:
        self.times += 1
        if self.error:
            raise self.error
        return b"certificate"


def kept(fetch: Fetch) -> Certificates:
    return Certificates(fetch, lambda: Clock.now)


def test_certificates_are_fetched_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Fetch()
    certificates = kept(fetch)

    for seconds, times in ((0, 1), (3599, 1), (3601, 2)):
        monkeypatch.setattr(Clock, "now", 1000.0 + seconds)
        assert certificates.at(URL) == b"certificate"
        assert fetch.times == times


def test_while_they_cannot_be_had_not_everybody_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch = Fetch()
    fetch.error = CertificatesAway("no answer")
    certificates = kept(fetch)

    for _ in range(3):
        with pytest.raises(CertificatesAway):
            certificates.at(URL)
    assert fetch.times == 1
    monkeypatch.setattr(Clock, "now", 1006.0)
    fetch.error = None
    assert certificates.at(URL) == b"certificate"


class Door(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b"certificate")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that answers with the status in its path."""
    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, Denied),  # the address is the stranger's, and nothing was ever put there
        (403, Denied),
        (302, CertificatesAway),
        (429, CertificatesAway),
        (500, CertificatesAway),
    ],
)
def test_who_names_a_certificate_that_is_not_there_is_not_believed(
    server: str, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        fetch_certificates(f"{server}/{status}")
    assert fetch_certificates(f"{server}/200") == b"certificate"
