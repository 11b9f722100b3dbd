"""`curtain audit`: who did what."""

import json
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call

HEADS = ("AT", "WHO", "ACTION", "TARGET", "FROM", "BEFORE", "AFTER")


@click.command()
@click.option("--actor", metavar="NAME", help="Only what this one did.")
@click.option("--action", metavar="ACTION", help="Only this, such as run.stop.")
@click.option("--target", metavar="TARGET", help="Only what was done to this.")
@click.option("--since", metavar="TIME", help="2026-11-21T10:00:00Z or later.")
@click.option("--until", metavar="TIME", help="Before this.")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True)
@takes_call
def audit(call: Call, limit: int, **query: str | None) -> None:
    """List who did what, when and from where, the newest first."""
    found = list(call.client.pages("/audit", "entries", limit, **query))
    if call.as_json:
        call.out.document({"entries": found})
    else:
        call.out.table(HEADS, (_row(entry) for entry in found))


def _row(entry: dict[str, Any]) -> list[object]:
    return [
        words.local(entry["at"]),
        entry["actor"],
        entry["action"],
        entry["target"],
        entry.get("address"),
        *(json.dumps(entry[each]) if entry.get(each) else "" for each in ("before", "after")),
    ]
