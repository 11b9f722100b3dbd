"""Hand one e-mail to the server of the settings, within a time limit."""

import contextlib
import smtplib
import socket
import ssl
import threading
from email.message import EmailMessage
from typing import Final

from jobs.outward import Unreachable
from runner.errors import RunnerError
from runner.mail_server import MailServer

SECONDS: Final = 20.0  # for all of it
ANSWER: Final = 10.0  # seconds, for one answer


class MailRefused(RunnerError):
    """The server does not take it."""

    def __init__(self, status: int, what: str) -> None:
        """Tell the server's *status*."""
        super().__init__(f"the server answers {status} to {what}")
        self.status = status


def hand_over(message: EmailMessage, server: MailServer, tls: ssl.SSLContext) -> str | None:
    """Have it taken; tell who is refused while others are not.

    Raise MailRefused and Unreachable. The server's own words may have the password: none is told.
    """
    try:
        refused = _converse(message, server, tls)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        # One that is refused for now keeps it alive.
        raise MailRefused(min(codes), "every address") from None
    except smtplib.SMTPResponseException as error:
        what = type(error).__name__.removeprefix("SMTP")
        raise MailRefused(error.smtp_code, f"the message ({what})") from None
    except smtplib.SMTPNotSupportedError:
        raise Unreachable("the server lacks STARTTLS, authentication or SMTPUTF8") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(f"the mail server does not answer ({type(error).__name__})") from None
    return f"refused for {', '.join(sorted(refused))}" if refused else None


def _converse(
    message: EmailMessage, server: MailServer, tls: ssl.SSLContext
) -> dict[str, tuple[int, bytes]]:
    smtp = _connected(server, tls)
    late = threading.Timer(SECONDS, _cut, [smtp])
    late.daemon = True
    late.start()
    try:
        refused = _speak(smtp, message, server, tls)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()  # it was taken, however they part
    finally:
        late.cancel()
        smtp.close()
    return refused


def _connected(server: MailServer, tls: ssl.SSLContext) -> smtplib.SMTP:
    if server.is_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=ANSWER, context=tls)
    return smtplib.SMTP(server.host, server.port, timeout=ANSWER)


def _speak(
    smtp: smtplib.SMTP, message: EmailMessage, server: MailServer, tls: ssl.SSLContext
) -> dict[str, tuple[int, bytes]]:
    if server.starttls:
        smtp.starttls(context=tls)
    if server.user is not None and server.password is not None:
        smtp.login(server.user, server.password)
    return smtp.send_message(message)


def _cut(smtp: smtplib.SMTP) -> None:
    """End a conversation that goes on and on."""
    with contextlib.suppress(OSError, AttributeError):  # it has ended by itself
        smtp.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # None when it is closed
