"""`curtain events`: what happened to a run."""

import json
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs

HEADS = ("AT", "KIND", "STATE", "BY", "DETAIL")


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option(
    "--kind", multiple=True, metavar="KIND", help="Such as task, result, warning; may be repeated."
)
@takes_call
def events(call: Call, run_id: int, kind: tuple[str, ...]) -> None:
    """List what happened to the run ID and who made it happen, the oldest first.

    With --kind also what Ansible has told: play, task, result, warning, deprecation, stats.
    """
    found = call.client.pages(f"/runs/{run_id}/events", "events", kind=list(kind))
    if call.as_json:
        for event in found:
            call.out.entry(event)
    else:
        call.out.table(HEADS, (_row(event) for event in found))


#: What has a column of its own, or is nobody's business.
TOLD = ("id", "at", "kind", "state", "actor", "detail")


def _row(event: dict[str, Any]) -> list[object]:
    rest = {name: value for name, value in event.items() if name not in TOLD}
    detail = {**event.get("detail", {}), **rest}
    told = {name: value for name, value in detail.items() if value not in (None, False, "", [], {})}
    text = ", ".join(f"{name}={_short(value)}" for name, value in told.items())
    return [words.local(event["at"]), event["kind"], event.get("state"), event.get("actor"), text]


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
