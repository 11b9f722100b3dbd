"""What ends a command early: each error knows its exit code, and how it is told to programs."""

from http import HTTPStatus
from typing import Any

from app.cli.exits import Exit

#: What a status of HTTP means to a script; of those that are not here see code_of.
CODES: dict[int, Exit] = {
    HTTPStatus.UNAUTHORIZED: Exit.NOT_ALLOWED,
    HTTPStatus.FORBIDDEN: Exit.NOT_ALLOWED,
    HTTPStatus.NOT_FOUND: Exit.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: Exit.UNREACHABLE,
}


class CliError(Exception):
    """The command cannot do what was asked."""

    exit = Exit.REFUSED
    title = "Refused"

    def problem(self) -> dict[str, Any]:
        """Write it as a program reads it, in the form of the API's errors."""
        return {"title": self.title, "detail": str(self), "exit_code": int(self.exit)}


class WrongUsage(CliError):
    """The command line is not as it must be."""

    exit = Exit.USAGE
    title = "Usage"


class NotSignedIn(CliError):
    """There is no server, or no token for it."""

    exit = Exit.NOT_ALLOWED
    title = "Not signed in"


class NothingFound(CliError):
    """What was named is not there."""

    exit = Exit.NOT_FOUND
    title = "Not found"


class Unreachable(CliError):
    """The server does not answer, or what answers is not Curtain."""

    exit = Exit.UNREACHABLE
    title = "Unreachable"

    def __init__(self, words: str, *, is_passing: bool = False) -> None:
        """Tell it; *is_passing*: it may answer in a moment."""
        super().__init__(words)
        self.is_passing = is_passing


class Answered(CliError):
    """The server answered with a problem."""

    def __init__(self, status: int, body: dict[str, Any], wait: float = 0.0) -> None:
        """Keep what it said: *body* is its problem+json, *wait* its Retry-After in seconds."""
        super().__init__(str(body.get("detail") or body.get("title") or status))
        self.status = status
        self.body = body
        self.wait = wait
        self.exit = code_of(status)

    def problem(self) -> dict[str, Any]:
        """Repeat the server's words."""
        return {"status": self.status, **self.body, "exit_code": int(self.exit)}


def code_of(status: int) -> Exit:
    """The exit code for an answer that is no success."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Exit.UNREACHABLE
    return CODES.get(status, Exit.REFUSED)
