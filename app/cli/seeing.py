"""Seeing a run to its end: following it, waiting for it, and what Ctrl-C may mean."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from app.cli import words
from app.cli.call import Call
from app.cli.client import Client
from app.cli.displays import Board, Display, JsonLines, Plain, Raw, shown
from app.cli.errors import Answered, CliError
from app.cli.exits import OF_STATE, Exit
from app.cli.following import Ended, Following
from app.cli.out import note

PATIENCE = 60.0  # seconds without the server, unless CURTAIN_PATIENCE says otherwise
FIRST_LOOK, LONGEST_LOOK = 0.2, 2.0  # seconds between two looks of whoever waits

F = TypeVar("F", bound=Callable[..., Any])


def takes_seeing(function: F) -> F:
    """Add --wait and --follow."""
    follow = click.option(
        "-f", "--follow", is_flag=True, help="Show its progress and its output until it ends."
    )
    wait = click.option("-w", "--wait", is_flag=True, help="Wait for its end, and print that.")
    return follow(wait(function))


def patience(call: Call) -> float:
    """Seconds without the server until it is given up."""
    text = call.environ.get("CURTAIN_PATIENCE", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else PATIENCE


def seen_to_its_end(call: Call, run: dict[str, Any], *, wait: bool, follow: bool) -> int:
    """Print a run that was queued, or its end; return the exit code of what was asked for."""
    if follow:
        if not call.as_json:
            note(f"run {run['id']} of {run['template']}")
        return follow_to_end(call, run)
    if wait:
        run = await_end(call, run)
    if call.as_json:
        call.out.document(run)
    else:
        call.out.line(f"run {run['id']}: {words.sentence(run, datetime.now(UTC))}")
    return OF_STATE[run["state"]] if wait else Exit.DONE


def await_end(call: Call, run: dict[str, Any]) -> dict[str, Any]:
    """Wait until *run* is final and return it. Ctrl-C says that it goes on."""
    pause = FIRST_LOOK
    seen_at = time.monotonic()
    try:
        while not words.is_final(run):
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK)
            try:
                run = call.client.get(f"/runs/{run['id']}")
                seen_at = time.monotonic()
            except CliError as error:
                is_over = time.monotonic() - seen_at > patience(call)
                if error.exit is not Exit.UNREACHABLE or is_over:
                    raise
    except KeyboardInterrupt:
        _say_it_goes_on(run)
        raise
    return run


def follow_to_end(
    call: Call, run: dict[str, Any], offset: int = 0, *, raw: bool = False, asks: bool = True
) -> int:
    """Follow *run* and return the exit code of its end; Ctrl-C asks what is meant, if it *asks*."""
    asks = asks and sys.stdin.isatty() and call.out.is_terminal and not call.as_json
    # With a board, and for programs: what Ansible does as well.
    with_events = False
    following = Following(
        call.client, run["id"], offset, patience=patience(call), with_events=with_events
    )
    while True:
        try:
            final = _follow(call, run, following, raw=raw, with_board=asks)
        except KeyboardInterrupt:
            if not asks or not _wants_to_go_on(call.client, run):
                return _unwatched(call.client, run)
            continue
        if not call.as_json:
            note(f"run {final['id']}: {words.sentence(final, datetime.now(UTC))}")
        return OF_STATE[final["state"]]


def _follow(
    call: Call, run: dict[str, Any], following: Following, *, raw: bool, with_board: bool
) -> dict[str, Any]:
    with shown(_display(call, run, raw=raw, with_board=with_board)) as show:
        for seen in following.seen():
            show(seen)
            if isinstance(seen, Ended):
                return seen.run
    raise AssertionError("following ends with the end")


def _display(call: Call, run: dict[str, Any], *, raw: bool, with_board: bool) -> Display:
    if call.as_json:
        return JsonLines(call.out)
    if raw:
        return Raw(call.out)
    return Board(call.out, call.client, run) if with_board else Plain(call.out)


def _wants_to_go_on(client: Client, run: dict[str, Any]) -> bool:
    """Ask what Ctrl-C is to mean, and do it. False: nobody watches any more."""
    note("")
    try:
        wish = click.prompt(
            f"Run {run['id']} goes on. Stop it, stop watching, or go on watching?",
            type=click.Choice(["stop", "leave", "watch"]),
            default="leave",
            err=True,
        )
    except (click.Abort, KeyboardInterrupt):
        return False
    if wish == "stop":
        _stop(client, run)
    return bool(wish != "leave")


def _stop(client: Client, run: dict[str, Any]) -> None:
    """Ask for a stop, and say what is true of it."""
    try:
        client.call("POST", f"/runs/{run['id']}/stop", {})
        note(f"run {run['id']}: asked to stop; watching until nothing of it is left")
    except Answered as error:
        # It had ended already, or this token may not: either is told, and its end is shown.
        note(f"run {run['id']} was not asked to stop: {error}")


def _unwatched(client: Client, run: dict[str, Any]) -> int:
    """Say what became of the run, as far as that is known."""
    try:
        run = Client(client.place, patience=3.0, tries=1).get(f"/runs/{run['id']}")
    except CliError as error:
        note(f"run {run['id']}: not watched any more; how it is cannot be told: {error}")
        return Exit.UNWATCHED
    _say_it_goes_on(run)
    return Exit.UNWATCHED


def _say_it_goes_on(run: dict[str, Any]) -> None:
    sentence = words.sentence(run, datetime.now(UTC))
    more = "" if words.is_final(run) else f"; `curtain stop {run['id']}` stops it"
    note(f"run {run['id']}: not watched any more, {sentence}{more}")
