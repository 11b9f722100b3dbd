"""`curtain ps`: the runs."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_templates
from app.cli.out import columns
from app.cli.safe import plain

LIVE = ["queued", "running"]
STATES = [*LIVE, *words.FINAL]
EVERY = 2.0  # seconds between two pictures of --watch
HEADS = ("ID", "STATE", "TEMPLATE", "BY", "QUEUED", "TOOK", "REASON")


@click.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Final ones too.")
@click.option("--template", metavar="NAME", shell_complete=complete_templates)
@click.option("--state", multiple=True, type=click.Choice(STATES), help="May be repeated.")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@takes_call
def ps(
    call: Call,
    everything: bool,
    template: str | None,
    state: tuple[str, ...],
    limit: int,
    watch: bool,
) -> None:
    """List runs, the newest first: queued and running ones, unless asked for others."""
    query = {
        "state": list(state) or ([] if everything else LIVE),
        "template": template,
    }

    def read() -> list[dict[str, Any]]:
        return list(call.client.pages("/runs", "runs", limit, **query))

    if watch:
        _watch(call, read)
    elif call.as_json:
        call.out.document({"runs": read()})
    else:
        call.out.table(HEADS, rows(read()), words.STYLES)


def rows(runs: list[dict[str, Any]]) -> list[list[object]]:
    """A line for each run."""
    now = datetime.now(UTC)
    return [
        [
            run["id"],
            words.state(run),
            run["template"],
            run["triggered_by"],
            words.age(run["queued_at"], now),
            "" if (took := words.duration(run, now)) is None else words.span(took),
            run["reason"],
        ]
        for run in runs
    ]


def _watch(call: Call, read: Any) -> None:
    """Show them anew until Ctrl-C: in place on a terminal, else one picture after another."""
    if not call.out.is_terminal or call.as_json:
        while True:
            if call.as_json:
                call.out.entry({"runs": read()})
            else:
                call.out.table(HEADS, rows(read()))
            time.sleep(EVERY)
    from rich.live import Live

    with Live(console=call.out.console, screen=True, auto_refresh=False) as live:
        while True:
            cells = [[plain("" if cell is None else cell) for cell in row] for row in rows(read())]
            live.update(columns(HEADS, cells, words.STYLES), refresh=True)
            time.sleep(EVERY)
