"""E-mail, in plain text."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from jobs.targets.message import Mail, Undeliverable
from jobs.targets.text import inert, text
from jobs.targets.told import Told
from runner.notification import Email

LONGEST = 200  # characters of a subject


def build(told: Told, target: Email, sender: str | None) -> Mail:
    """Write it. Message-ID is the same in every attempt."""
    if sender is None:
        raise Undeliverable("CURTAIN_SMTP_FROM is not set")
    said = text(told)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = inert(said.title, LONGEST)
    message["From"] = Address("Curtain", addr_spec=sender)
    message["To"] = [Address(addr_spec=address) for address in target.to]
    message["Date"] = told.at
    message["Message-ID"] = f"<{told.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(said.plain() + "\n")
    return Mail(message)
