"""A real SMTP server on loopback that keeps what it is given, and can be told to misbehave."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Letter:
    """What was handed over."""

    sender: str
    receivers: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class Mailbox:
    """What it has got, and how it answers."""

    port: int = 0
    #: Answers by verb, one by one, the last for all that follow; None: none at all.
    answers: dict[str, list[bytes | None]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    letting_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, verb: str, usual: bytes) -> bytes | None:
        given = self.answers.get(verb)
        if not given:
            return usual
        return given.pop(0) if len(given) > 1 else given[0]


class Handler(socketserver.StreamRequestHandler):
    """RFC 5321, as far as a client of ours goes."""

    server: "Server"

    def handle(self) -> None:
        box = self.server.mailbox
        letter = Letter("", [], b"")
        self._say("CONNECT", b"220 ready")
        while line := self.rfile.readline():
            box.said.append(line.decode().strip())
            verb = line[:4].decode().upper().strip()
            if verb == "EHLO":
                more = b"250-STARTTLS\r\n" if box.tls else b""
                self._say(verb, b"250-here\r\n" + more + b"250 AUTH PLAIN")
            elif verb == "STAR":
                self._say(verb, b"220 go ahead")
                self._encrypt()
            elif verb == "MAIL":
                letter = Letter(line.decode().partition("<")[2].partition(">")[0], [], b"")
                self._say(verb, b"250 ok")
            elif verb == "RCPT":
                letter.receivers.append(line.decode().partition("<")[2].partition(">")[0])
                self._say(verb, b"250 ok")
            elif verb == "DATA":
                self._say(verb, b"354 go on")
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    letter.content += line.removeprefix(b".")
                box.letters.append(letter)
                self._say("END", b"250 taken")
            else:
                self._say(verb, b"235 ok" if verb == "AUTH" else b"221 ok")

    def finish(self) -> None:
        """Close what the handshake has put into the place of the request."""
        super().finish()
        self.connection.close()

    def _say(self, verb: str, usual: bytes) -> None:
        answer = self.server.mailbox.answer(verb, usual)
        if answer is None:
            self.server.mailbox.letting_go.wait(60)
            return
        self.wfile.write(answer + b"\r\n")

    def _encrypt(self) -> None:
        assert self.server.mailbox.tls is not None
        self.connection = self.server.mailbox.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)


class Server(socketserver.ThreadingTCPServer):
    """Threads that do not outlive the test."""

    daemon_threads = True
    mailbox: Mailbox

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up are what some tests are about."""


@contextmanager
def open_mailbox(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Serve until the end."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.mailbox = Mailbox(port=server.server_address[1], tls=tls)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.mailbox
        finally:
            server.mailbox.letting_go.set()
            server.shutdown()
