"""`curtain hosts`: what came of each host of a run."""

from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs
from app.cli.out import note

STATES = ["running", "ok", "changed", "failed", "unreachable", "skipped"]
COUNTS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
HEADS = ("HOST", "STATE", *(each.upper() for each in COUNTS), "TOOK", "LAST TASK")
STYLES = {
    "ok": "green",
    "changed": "yellow",
    "failed": "red",
    "unreachable": "red",
    "running": "cyan",
}


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option("--state", multiple=True, type=click.Choice(STATES), help="May be repeated.")
@takes_call
def hosts(call: Call, run_id: int, state: tuple[str, ...]) -> None:
    """List what came of each host of the run ID, or what has so far."""
    path = f"/runs/{run_id}/hosts"
    page = call.client.get(path, limit=500, state=list(state))
    found: list[dict[str, Any]] = page["hosts"]
    while page["next"]:
        page = call.client.get(page["next"])
        found += page["hosts"]
    if call.as_json:
        call.out.document({"known": page["known"], "hosts": found})
        return
    if not page["known"] and not found:
        note("what came of its hosts is not known")
    call.out.table(HEADS, (_row(host) for host in found), STYLES)


def _row(host: dict[str, Any]) -> list[object]:
    seconds = host.get("seconds")
    task = host.get("task") or {}
    return [
        host["host"],
        host.get("state"),
        *(host[name] for name in COUNTS),
        None if seconds is None else words.span(seconds),
        task.get("name"),
    ]
