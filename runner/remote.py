"""What a repository's URL tells of its server, and how ssh is started towards it. Pure."""

from typing import Final

#: Options of every ssh that git starts: nobody is there to be asked, and a hung server is found.
SSH: Final = (
    *("-o", "BatchMode=yes"),
    *("-o", "ConnectTimeout=10"),  # seconds, until the server's banner has come
    *("-o", "ServerAliveInterval=10"),
    *("-o", "ServerAliveCountMax=3"),
    *("-o", "ControlMaster=no"),
)


def is_ssh(url: str) -> bool:
    """Tell ssh://host/path and user@host:path from the rest."""
    scheme, has_scheme, _ = url.partition("://")
    return "ssh" in scheme if has_scheme else ":" in url.partition("/")[0]


def scheme_of(url: str) -> str:
    """The scheme, `ssh` for user@host:path, `file` for a path."""
    if is_ssh(url):
        return "ssh"
    scheme, has_scheme, _ = url.partition("://")
    return scheme.lower() if has_scheme else "file"


def authority(url: str) -> str:
    """What stands before the path: user@host:port as far as it is there."""
    _, has_scheme, rest = url.partition("://")
    if not has_scheme:
        return url.partition(":")[0] if is_ssh(url) else ""
    return rest.partition("/")[0]


def host_of(url: str) -> str:
    """The server as host or host:port, as it is written."""
    return authority(url).rpartition("@")[2]


def user_of(url: str) -> str | None:
    """The user that the URL names, None if it names none."""
    user, has_user, _ = authority(url).rpartition("@")
    return user if has_user else None


def origin(url: str) -> str:
    """The server as scheme://host[:port]: who gets a credential, and nobody else."""
    return f"{scheme_of(url)}://{host_of(url)}"
