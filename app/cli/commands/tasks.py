"""`curtain tasks`: what a run has played."""

from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs

COUNTS = ("ok", "changed", "failed", "skipped", "unreachable")
HEADS = ("NO", "TASK", "TOOK", "HOSTS", *(each.upper() for each in COUNTS), "PATH")


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option(
    "--order", type=click.Choice(["slowest", "number"]), default="slowest", show_default=True
)
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N.")
@takes_call
def tasks(call: Call, run_id: int, order: str, limit: int | None) -> None:
    """List the tasks of the run ID, the slowest first, or in the order they were played in."""
    found = list(call.client.pages(f"/runs/{run_id}/tasks", "tasks", limit, order=order))
    if call.as_json:
        call.out.document({"tasks": found})
    else:
        call.out.table(HEADS, (_row(task) for task in found))


def _row(task: dict[str, Any]) -> list[object]:
    seconds = task["seconds"]
    return [
        task["number"],
        task["name"] or task["action"],
        None if seconds is None else words.span(seconds),
        task["hosts"],
        *(task[name] for name in COUNTS),
        task["path"],
    ]
