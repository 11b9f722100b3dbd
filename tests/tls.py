"""TLS with a certificate that nobody has signed, in front of a server that speaks none."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.remotes.certificate import make_certificate

CHUNK = 65_536  # bytes


@contextmanager
def open_tls(behind: str, folder: Path, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve what is served at the socket *behind*; yield the port that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, certificate = make_certificate(folder, host)
    context.load_cert_chain(certificate, key)
    with socket.create_server((host, port)) as server:
        threading.Thread(target=_serve, args=(server, context, behind), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # which ends the accept


def _serve(server: socket.socket, context: ssl.SSLContext, behind: str) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_join, args=(connection, context, behind), daemon=True).start()


def _join(connection: socket.socket, context: ssl.SSLContext, behind: str) -> None:
    """Carry both ways, until either hangs up. Whoever refuses the certificate is let go."""
    with (
        suppress(OSError),
        closing(connection),
        context.wrap_socket(connection, server_side=True) as outside,
        socket.socket(socket.AF_UNIX) as inside,
    ):
        inside.connect(behind)
        back = threading.Thread(target=_carry, args=(inside, outside), daemon=True)
        back.start()
        _carry(outside, inside)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
