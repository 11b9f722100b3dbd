"""One git command: its environment, its time limit, and what its failure means.

Git reads nothing of the machine's or a user's configuration. Of GitPython only `Git.execute` is
used, and that for the network: its guards against hostile options were passed by again and again,
its kill_after_timeout hangs where neither pgrep nor ps is installed, and it costs a rerun, which
needs no network, a sixth of its time; see runner.spawn.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, Protocol

# Without git a run shall say so; importing GitPython would fail instead.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git, GitCommandNotFound

from runner.access import Access
from runner.advice import advised
from runner.errors import CheckoutFailed
from runner.remote import SSH, is_ssh
from runner.spawn import Spawned
from runner.visible import HARMLESS

NO_GIT: Final = "git was not found on this runner: install it"
#: The words that MEANINGS knows; GitPython sets the same.
PLAIN: Final = {"LANGUAGE": "C", "LC_ALL": "C"}
LOCAL_SECONDS = 300.0  # for a command without network: 50,000 files took 1.4 s
KILLED_SECONDS = 5.0  # for what was killed to vanish; a disk that hangs may take for ever
MESSAGE_LENGTH = 2000  # characters of git's own words that are kept

ENVIRONMENT: Final = {
    "HOME": "/nonexistent",  # git takes credentials from ~/.netrc without a word
    "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig")),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_SSH_COMMAND": shlex.join(["ssh", *SSH]),
    "GIT_SSH_VARIANT": "ssh",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",  # bytes a second, for …
    "GIT_HTTP_LOW_SPEED_TIME": "20",  # … seconds
}

#: What git says (LC_ALL=C, git 2.39) and what it means; the first match counts.
MEANINGS: Final = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"expected commit type", "bad_ref"),
        (r"[Nn]ot a valid object name '?refs/pins/", "not_pinned"),
        (r"invalid path '", "bad_tree"),
        (r"bad config line \d+ in blob", "bad_submodule"),
        (r"No space left|[Dd]isk quota|Out of diskspace", "disk_full"),
        (
            r"unable to (write|create) (new )?(file|symlink|directory)"
            r"|cannot create directory|failed to open file",
            "dest_io",
        ),
        (r"not our ref|unadvertised object|couldn't find remote ref", "ref_not_found"),
        (
            r"transport '.*' not allowed|is not a git command|strange (host|path)name"
            r"|[Uu]nable to find remote helper|port number",
            "url_not_allowed",
        ),
        (
            r"Authentication failed|could not read (Username|Password)"
            r"|Permission denied \(|returned error: 40[13]",
            "auth_failed",
        ),
        (r"Host key verification failed|[Cc]ertificate", "host_not_trusted"),
        (
            r"does not appear to be a git repo|[Rr]epository .* not found|not exported"
            r"|returned error: 404",
            "repo_not_found",
        ),
        (
            r"Could not resolve|[Cc]ould ?n.t connect|unable to connect|timed out|too slow"
            r"|Connection (refused|reset|closed)|RPC failed|early EOF|hung up"
            r"|returned error: (5\d\d|429)|unexpected disconnect",
            "remote_unavailable",
        ),
    )
)


class Process(Protocol):
    """A git that runs, however it was started."""

    pid: int
    returncode: int | None

    def communicate(self, *, timeout: float) -> tuple[bytes, bytes]:
        """As of subprocess.Popen."""


def forget_strays(environ: MutableMapping[str, str]) -> None:
    """Remove GIT_DIR and its like: GitPython gives git all of os.environ and can unset nothing."""
    for name in list(environ):
        if name.startswith("GIT_") and not name.startswith(HARMLESS):
            del environ[name]


def ask_remote(
    url: str,
    protocols: Iterable[str],
    *arguments: str,
    seconds: float,
    access: Access | None = None,
    keep: tuple[int, ...] = (),
    **environment: str,
) -> str:
    """Run git with access to *url* by one of *protocols*, and to nothing else. Errors name it."""
    reach = ENVIRONMENT | {"GIT_ALLOW_PROTOCOL": ":".join(protocols)} | environment
    if is_ssh(url) and access is None:
        del reach["HOME"]  # the keys and known hosts of the runner's user
    opened: AbstractContextManager[dict[str, str]]
    opened = access.environment(url) if access else nullcontext({})
    try:
        with opened as own:
            process = Git("/").execute(
                ["git", *arguments],
                as_process=True,
                env=reach | own,
                process_group=0,
                pass_fds=keep,
            )
            return answer(process, arguments[0], seconds)
    except GitCommandNotFound as error:
        raise CheckoutFailed(NO_GIT, "no_git") from error
    except CheckoutFailed as error:
        told = advised(error, url, access.credential if access else None)
        raise CheckoutFailed(f"{redact(url)}: {told}", error.code) from error


def git(
    *arguments: str | Path,
    environment: Mapping[str, str] = ENVIRONMENT,
    seconds: float = LOCAL_SECONDS,
    keep: tuple[int, ...] = (),
) -> str:
    """Run git, without network, and return what it printed. It inherits the descriptors *keep*."""
    command = ["git", "-C", "/", *map(str, arguments)]
    try:
        process = Spawned(command, {**os.environ, **PLAIN, **environment}, keep)
    except FileNotFoundError as error:
        raise CheckoutFailed(NO_GIT, "no_git") from error
    with process:
        return answer(process, str(arguments[0]), seconds)


def answer(process: Process, what: str, seconds: float) -> str:
    """Wait for a git and return what it printed.

    It stays in our session, so that what ends the run ends it too, but in a group of its own:
    its helpers (git-remote-https, ssh) go with it when its *seconds* have passed.
    """
    try:
        output, errors = process.communicate(timeout=seconds)
    except BaseException as error:
        if process.returncode is None:  # not waited for yet: the number is still its own
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=KILLED_SECONDS)
        if isinstance(error, subprocess.TimeoutExpired):
            took = f"git {what} took more than {seconds:g} seconds"
            raise CheckoutFailed(took, "timeout") from None
        raise
    if process.returncode:
        raise failure(errors.decode(errors="replace"), process.returncode)
    return str(output.decode(errors="surrogateescape"))


def git_in(store: Path, *arguments: str, **environment: str) -> str:
    """Run git on the objects of *store*, without network."""
    return git(*arguments, environment=ENVIRONMENT | {"GIT_DIR": str(store)} | environment)


def failure(errors: str, status: int) -> CheckoutFailed:
    """Turn what git said into an error with a code."""
    message = redact(errors.strip())[-MESSAGE_LENGTH:] or f"git ended with status {status}"
    for pattern, code in MEANINGS:
        if pattern.search(message):
            return CheckoutFailed(message, code)
    return CheckoutFailed(message)


def redact(text: str) -> str:
    """Hide user and password in URLs."""
    return re.sub(r"//[^/@\s]+@", "//***@", text)
