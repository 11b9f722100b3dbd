"""Whose host keys ssh believes: those that a credential brings, and those it has accepted. Pure."""

from pathlib import Path

from runner.order import Credential


def is_strict(credential: Credential) -> bool:
    """Whether a host must be known before it is spoken to."""
    return bool(credential["host_keys"] == "strict")


def accepted_keys(cache: str) -> Path:
    """Where the host keys are that were accepted on this machine: beside the cache of Git."""
    return Path(cache).with_name("known_hosts")


def remembered(accepted: Path, credential: Credential) -> Path:
    """Where the host keys are that a credential has accepted on this machine."""
    return accepted / str(credential["name"])


def options(credential: Credential, given: Path, accepted: Path) -> dict[str, str]:
    """Have ssh believe the credential alone; *given* is where its known hosts are written.

    A key that is accepted is written into the first file; one that has changed is refused.
    """
    files = [] if is_strict(credential) else [remembered(accepted, credential)]
    if credential["known_hosts"]:
        files.append(given)
    return {
        "UserKnownHostsFile": " ".join(map(quoted, files)),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes" if is_strict(credential) else "accept-new",
        "UpdateHostKeys": "no",
    }


def quoted(path: Path) -> str:
    """Write a path so that ssh takes it as it is: blanks would end it, % begins a token."""
    return '"{}"'.format(str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"'))
