"""How git gets a credential for a repository's server, and nobody else does.

It stands in a file that only this user can read, below the run's directory, for as long as one git
command runs: in no argument, no environment, no URL and no configuration. What a killed leader
leaves there goes with the run's directory.
"""

import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner import host_keys
from runner.errors import CheckoutFailed
from runner.order import Credential
from runner.private import write
from runner.remote import SSH, host_of, origin, scheme_of, user_of

ASKPASS: Final = Path(__file__).with_name("askpass")
#: The kind of credential that a URL of each scheme can use.
KINDS: Final = {"https": "git_https", "http": "git_https", "ssh": "ssh_key"}


@dataclass(frozen=True)
class Access:
    """A credential, and where its files may be."""

    credential: Credential = field(repr=False)
    #: Below the run's; made when it is needed.
    directory: Path
    #: Where the host keys are that were accepted on this machine; outlives the run.
    accepted: Path

    @property
    def scope(self) -> str:
        """What tells the objects that were fetched with this credential from others'."""
        return str(self.credential["scope"])

    @contextlib.contextmanager
    def environment(self, url: str) -> Iterator[dict[str, str]]:
        """Give the environment in which git may open *url*; its files go when that was used.

        Raise CheckoutFailed, before anybody is asked for anything, if the credential is not for it.
        """
        check(self.credential, url)
        self.directory.mkdir(0o700, exist_ok=True)
        own = Path(tempfile.mkdtemp(dir=self.directory))
        try:
            if self.credential["kind"] == "git_https":
                yield ask_environment(self.credential, url, own)
            else:
                yield ssh_environment(self.credential, url, own, self.accepted)
        finally:
            shutil.rmtree(own)


def check(credential: Credential, url: str) -> None:
    """Raise CheckoutFailed if *credential* cannot be used, or may not be sent, for *url*."""
    name, kind = credential["name"], credential["kind"]
    if KINDS.get(scheme_of(url)) != kind:
        wrong = f"credential {name!r} is of the kind {kind}: {scheme_of(url)}:// cannot use it"
        raise CheckoutFailed(wrong, "auth_failed")
    only = credential.get("host")
    if only and only.lower() != host_of(url).lower():
        foreign = f"credential {name!r} is for {only}, not for {host_of(url)}"
        raise CheckoutFailed(foreign, "auth_failed")
    if kind == "ssh_key" and host_keys.is_strict(credential) and not credential["known_hosts"]:
        unknown = (
            f"credential {name!r} has no known_hosts, so {host_of(url)} cannot be told from another"
            " server: give its lines (ssh-keyscan shows them), or set host_keys to accept-new"
        )
        raise CheckoutFailed(unknown, "host_not_trusted")


def ask_environment(credential: Credential, url: str, directory: Path) -> dict[str, str]:
    """Let git ask for user and password of *url*'s server."""
    answers = (origin(url), credential["username"], credential["password"])
    file = write(directory / "answers", "".join(f"{answer}\n" for answer in answers))
    return {"GIT_ASKPASS": str(ASKPASS), "CURTAIN_ASKPASS": str(file)}


def ssh_environment(
    credential: Credential, url: str, directory: Path, accepted: Path
) -> dict[str, str]:
    """Let git's ssh use the key alone, and believe the credential's known hosts alone."""
    key = write(directory / "key", credential["private_key"])
    given = directory / "known_hosts"
    if known_hosts := credential["known_hosts"]:
        write(given, known_hosts)
    if not host_keys.is_strict(credential):
        accepted.mkdir(0o700, parents=True, exist_ok=True)
    options = {
        "IdentityFile": host_keys.quoted(key),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "CheckHostIP": "no",
        "ClearAllForwardings": "yes",
        **host_keys.options(credential, given, accepted),
    }
    user = credential["username"]
    if user and user_of(url) is None:
        options["User"] = f'"{user}"'
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return {"GIT_SSH_COMMAND": shlex.join(["ssh", "-F", "/dev/null", *SSH, *words])}
