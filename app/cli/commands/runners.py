"""`curtain runners`, `pause` and `resume`: who takes runs, and whether."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.client import at

HEADS = ("NAME", "MACHINE", "QUEUES", "BUSY", "SLOTS", "TAKES RUNS", "BEAT")


@click.group(invoke_without_command=True)
@takes_call
def runners(call: Call) -> None:
    """List the runners that are there, or have one take no more runs."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    found = call.client.get("/runners")
    if call.as_json:
        call.out.document(found)
        return
    now = datetime.now(UTC)
    call.out.table(HEADS, (_row(each, now) for each in found["runners"]))


@runners.command()
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@takes_call
def drain(call: Call, name: str, reason: str | None) -> None:
    """Have the runner NAME take no more runs; those that it has go on."""
    _tell(call, call.client.call("PUT", f"{at('runners', name)}/drain", _because(reason)))


@runners.command()
@click.argument("name")
@takes_call
def undrain(call: Call, name: str) -> None:
    """Have the runner NAME take runs again."""
    _tell(call, call.client.call("DELETE", f"{at('runners', name)}/drain"))


@click.command()
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@takes_call
def pause(call: Call, reason: str | None) -> None:
    """Have no runner take a run. Those that are running go on, new ones are queued."""
    told = call.client.call("PUT", "/maintenance", _because(reason))
    if call.as_json:
        call.out.document(told)
    else:
        call.out.line(f"no run is taken since {words.local(told['since'])}, by {told['by']}")


@click.command()
@takes_call
def resume(call: Call) -> None:
    """Have runs taken again."""
    told = call.client.call("DELETE", "/maintenance")
    if call.as_json:
        call.out.document(told)
    else:
        call.out.line("runs are taken")


def _because(reason: str | None) -> dict[str, str]:
    return {"reason": reason} if reason else {}


def _tell(call: Call, runner: Mapping[str, Any]) -> None:
    if call.as_json:
        call.out.document(runner)
    else:
        call.out.line(f"runner {runner['name']}: {_takes(runner)}, {runner['busy']} busy")


def _takes(runner: Mapping[str, Any]) -> str:
    if drain := runner["drain"]:
        return f"drained by {drain['by']}" + (f": {drain['reason']}" if drain["reason"] else "")
    if runner["missing"]:
        return f"yes, without {' and '.join(runner['missing'])}: they fail"
    return "short of memory" if runner["short_of_memory"] else "yes"


def _row(runner: Mapping[str, Any], now: datetime) -> list[object]:
    return [
        runner["name"],
        runner["machine"],
        " ".join(runner["queues"]),
        runner["busy"],
        runner["slots"],
        _takes(runner),
        words.age(runner["beat_at"], now),
    ]
