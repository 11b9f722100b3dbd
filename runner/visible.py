"""What of the runner's environment others may see. Standard library only: keepers import it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

#: What a playbook may see of the runner's environment. Not DATABASE_URL, not the tokens.
PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_*",
    "REQUESTS_CA_BUNDLE",
    "LD_LIBRARY_PATH",
    "*_proxy",
    "*_PROXY",
    "ANSIBLE_*",
)
OURS = ("ANSIBLE_PLAYBOOK",)


def passed_environment(environ: Mapping[str, str], more: tuple[str, ...]) -> dict[str, str]:
    """The variables of *environ* that playbooks may see."""
    return {
        name: value
        for name, value in environ.items()
        if name not in OURS and any(fnmatchcase(name, pattern) for pattern in (*PASSED, *more))
    }


#: Where git finds its own programs (an unpacked Debian package needs it) and certificates.
HARMLESS = ("GIT_EXEC_PATH", "GIT_SSL_", "GIT_PYTHON_")


def keeper_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a keeper and its git may see: not the runner's secrets."""
    git = {name: value for name, value in environ.items() if name.startswith(HARMLESS)}
    return {**passed_environment(environ, ()), **git}
