"""What to do about a server that lets nobody in, or is not believed; said in git's errors. Pure."""

import re
from typing import Final

from runner import host_keys
from runner.access import KINDS
from runner.errors import CheckoutFailed
from runner.order import Credential
from runner.remote import host_of, is_ssh, origin, scheme_of

#: What ssh says of a host of which it knows no key at all (OpenSSH 9.2).
UNKNOWN: Final = re.compile(r"^No .* host key is known for", re.MULTILINE)
PRIVATE: Final = (
    "if its certificate is of a CA of your own, start the runner with GIT_SSL_CAINFO, "
    "the path of that CA's certificate"
)


def advised(error: CheckoutFailed, url: str, credential: Credential | None) -> CheckoutFailed:
    """Say in *error* what was used to open *url*, and what is missing. No value is named."""
    message = str(error)
    if error.code == "host_not_trusted" and credential and is_ssh(url):
        message = distrust(message, host_of(url), credential)
    elif error.code == "host_not_trusted" and not is_ssh(url):
        message = f"{message}; {PRIVATE}"
    elif error.code == "auth_failed" and credential:
        message = with_name(message, credential)
    return CheckoutFailed(message, error.code)


def with_name(message: str, credential: Credential) -> str:
    """Name the credential, unless *message* does."""
    name = f"credential {credential['name']!r}"
    return message if name in message else f"{message} (with {name})"


def distrust(message: str, host: str, credential: Credential) -> str:
    """Say in our words what ssh says of a host's key: it names files that are gone by then."""
    name = f"credential {credential['name']!r}"
    if name in message:
        return message
    if UNKNOWN.search(message):
        return f"{name} knows no host key of {host}: give it in known_hosts (ssh-keyscan shows it)"
    changed = (
        f"the host key of {host} is not the one that {name} knows: if it was changed on purpose, "
        "put the new one in its known_hosts"
    )
    if host_keys.is_strict(credential):
        return changed
    return f"{changed} (the runner remembers it in CURTAIN_DATA/known_hosts/{credential['name']})"


def unopened(field: str, url: str) -> str:
    """Say what to name in a template for a repository that wants somebody to log in."""
    kind = KINDS.get(scheme_of(url))
    return f"; name a credential of kind {kind} in {field}.credential" if kind else ""


def reserved(credential: Credential, url: str) -> str:
    """Say for whom a credential is that opens *url*, and nobody else."""
    return f"; credential {credential['name']!r} is for {origin(url)} only"
