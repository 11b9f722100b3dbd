"""One call of the command line: where to, how to answer; and what every command takes."""

import functools
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from app.cli import places
from app.cli.out import Out

if TYPE_CHECKING:
    from app.cli.client import Client
    from app.cli.places import Place


class Call:
    """What a command is given. The server is looked for when it is asked for the first time."""

    def __init__(self, environ: Mapping[str, str], *, as_json: bool, context: str | None) -> None:
        self.environ = environ
        self.context = context
        self.out = Out(environ, as_json=as_json)

    @property
    def as_json(self) -> bool:
        """Whether a program reads it."""
        return self.out.as_json

    @cached_property
    def place(self) -> "Place":
        """The server. Raise NotSignedIn."""
        return places.find(self.environ, self.context)

    @cached_property
    def client(self) -> "Client":
        """The server's API."""
        from app.cli.client import Client

        return Client(self.place)


def takes_call(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give *function* a Call, and its command the options of every command.

    What it returns is the exit code; nothing is 0.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
    @click.option(
        "--context",
        metavar="NAME",
        help="The server, by the name that `login` gave it.",
        shell_complete=complete_contexts,
    )
    @functools.wraps(function)
    def called(*, as_json: bool, context: str | None, **given: Any) -> int | None:
        return function(Call(os.environ, as_json=as_json, context=context), **given)

    return called


def complete_contexts(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a context."""
    return [name for name in places.read(os.environ).contexts if name.startswith(begun)]
