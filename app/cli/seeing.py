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
from app.cli.errors import Answered, CliError, Unreachable
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
    # Beside the board, and for programs: what Ansible tells as well.
    with_events = asks or call.as_json
    following = Following(
        call.client, run["id"], offset, patience=patience(call), with_events=with_events
    )
    while True:
        try:
            final = _follow(call, run, following, raw=raw, with_board=asks)
        except KeyboardInterrupt:
            wished = _wished(call.client, run) if asks else None
            if wished is None:
                return _unwatched(call.client, run)
            run = wished
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


def _wished(client: Client, run: dict[str, Any]) -> dict[str, Any] | None:
    """Ask what Ctrl-C is to mean, and do it. Return the run to be watched on; None: nobody is."""
    note("")
    run = _as_it_is(client, run) or run
    if words.is_final(run):
        return run
    end = "kill" if run["stopping"] else "stop"
    how = "is being stopped. Kill it at once" if run["stopping"] else "goes on. Stop it"
    try:
        wish = click.prompt(
            f"Run {run['id']} {how}, leave it alone, or watch on?",
            type=click.Choice([end, "leave", "watch"]),
            default="leave",
            err=True,
        )
    except (click.Abort, KeyboardInterrupt):
        note("")
        return None
    if wish == "leave":
        return None
    return run if wish == "watch" else _stopped(client, run, force=wish == "kill")


def _stopped(client: Client, run: dict[str, Any], *, force: bool) -> dict[str, Any]:
    """Ask for a stop, say what is true of it, and return the run as it is then."""
    try:
        asked: dict[str, Any] = client.call("POST", f"/runs/{run['id']}/stop", {"force": force})
    except Answered as error:
        # It had ended already, or this token may not: either is told, and its end is shown.
        note(f"run {run['id']} was not asked to stop: {error}")
        return run
    except Unreachable as error:
        note(f"run {run['id']}: whether it was asked to stop cannot be told: {error}")
        return run
    note(f"run {run['id']}: asked to stop; watching until nothing of it is left")
    return asked


def _unwatched(client: Client, run: dict[str, Any]) -> int:
    """Say what became of the run, as far as that is known."""
    now = _as_it_is(client, run)
    if now is None:
        note(f"run {run['id']}: not watched any more; the server does not tell how it is")
    else:
        _say_it_goes_on(now)
    return Exit.UNWATCHED


def _as_it_is(client: Client, run: dict[str, Any]) -> dict[str, Any] | None:
    """The run as it is now; None if the server does not tell at once."""
    try:
        with Client(client.place, patience=3.0, tries=1) as hasty:
            now: dict[str, Any] = hasty.get(f"/runs/{run['id']}")
            return now
    except CliError:
        return None


def _say_it_goes_on(run: dict[str, Any]) -> None:
    sentence = words.sentence(run, datetime.now(UTC))
    more = "" if words.is_final(run) else f"; `curtain stop {run['id']}` stops it"
    note(f"run {run['id']}: not watched any more, {sentence}{more}")
