"""One HTTP request to somebody else's server, within bounds, and only to where it may go.

Our own transport below httpx, because nothing above the socket can keep a request from an address:
a name that is looked up for a check may be another one when it is looked up to connect. Here each
address is checked and then connected to, as an address. It also gives the whole exchange one time
limit: httpx (0.28) has one for each read only, which a server that drips never exceeds.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from jobs.addresses import Allowed
from jobs.targets.message import Answer, Request
from runner.errors import RunnerError

SECONDS: Final = 10.0  # for all of it: the name, the connection, the request and the answer
MOST_READ: Final = 4096  # bytes of an answer's body


class Forbidden(RunnerError):
    """The target may not be notified."""


class Unreachable(RunnerError):
    """The target has not answered."""


@dataclass(frozen=True)
class Way:
    """How this process goes outward."""

    allowed: Allowed
    tls: ssl.SSLContext


def way(private: Iterable[str]) -> Way:
    """Make the way; certificates are those of SSL_CERT_FILE, or the world's."""
    return Way(Allowed.of(private), httpx.create_ssl_context())


def exchange(request: Request, way: Way, *, seconds: float = SECONDS) -> Answer:
    """Send *request* and read the beginning of the answer. Redirects are answers.

    Raise Forbidden, and Unreachable; neither tells the URL.
    """
    transport = Transport(way, Deadline(seconds), is_plain=request.url.startswith("http://"))
    try:
        with (
            httpx.Client(transport=transport, timeout=seconds, trust_env=False) as client,
            client.stream(
                request.method, request.url, headers=request.headers, content=request.body
            ) as response,
        ):
            return Answer(
                response.status_code, _beginning(response), response.headers.get("Retry-After")
            )
    except httpx.TimeoutException:
        raise Unreachable(f"no answer within {seconds:g} seconds") from None
    except httpx.ConnectError as error:  # whose text names no more than the host
        raise Unreachable(f"no connection: {error}") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # whose text may have it
        raise Unreachable(f"no answer that could be read ({type(error).__name__})") from None


def _beginning(response: httpx.Response) -> bytes:
    """Read up to MOST_READ bytes. What it is cut off by, the status is known."""
    body = b""
    try:
        for part in response.iter_raw(MOST_READ):
            body += part
            if len(body) >= MOST_READ:
                break
    except httpx.TransportError:
        pass
    return body[:MOST_READ]


class Deadline:
    """When all must be over."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left. Raise ReadTimeout when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left


class Transport(httpx.HTTPTransport):
    """httpx's own, over a network that is ours."""

    def __init__(self, way: Way, deadline: Deadline, *, is_plain: bool) -> None:
        super().__init__(verify=way.tls, trust_env=False)
        # httpx has no public way to give its pool another network.
        self._pool = httpcore.ConnectionPool(
            ssl_context=way.tls,
            max_connections=1,
            network_backend=Network(way.allowed, deadline, is_plain=is_plain),
        )


class Network(httpcore.NetworkBackend):
    """Connects to what may be notified only."""

    def __init__(self, allowed: Allowed, deadline: Deadline, *, is_plain: bool) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._is_plain = is_plain

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of *host* that answers. Raise Forbidden for any bad one."""
        addresses = self._look_up(host, port)
        for address in addresses:
            if fault := self._allowed.fault(host, address, is_plain=self._is_plain):
                raise Forbidden(fault)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, self._deadline.left(), None, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return Stream(stream, self._deadline)
        raise failure

    def _look_up(self, host: str, port: int) -> list[str]:
        """Every address of *host*. The resolver knows no time limit: it has a thread of its own."""
        answers: list[Any] = []

        def look_up() -> None:
            try:
                answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.append(error)

        looking = threading.Thread(target=look_up, daemon=True)
        looking.start()
        looking.join(self._deadline.left())
        if not answers:
            raise httpcore.ConnectTimeout("the name is not answered for")
        if isinstance(answers[0], Exception):
            raise httpcore.ConnectError(f"the name: {answers[0]}")
        return list(dict.fromkeys(place[4][0] for place in answers[0]))


class Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all."""
        self._stream.write(buffer, self._deadline.left())

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the connection tells of itself."""
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        """Let go."""
        self._stream.close()
