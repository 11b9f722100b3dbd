"""What the shell completes with the Tab key: asked of the server, and never for long."""

import os

import click

from app.cli import places
from app.cli.errors import CliError

PATIENCE = 1.0  # seconds; whoever presses Tab waits
MOST = 200


def _ask(ctx: click.Context, path: str, member: str) -> list[dict[str, object]]:
    from app.cli.client import Client

    try:
        place = places.find(os.environ, ctx.params.get("context"))
        with Client(place, patience=PATIENCE, tries=1) as client:
            return list(client.pages(path, member, MOST))
    except CliError:
        return []  # there is nothing to complete, and no place to say why


def complete_templates(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a template."""
    names = [str(each["name"]) for each in _ask(ctx, "/templates", "templates")]
    return [name for name in names if name.startswith(begun)]


def complete_hooks(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a hook."""
    names = [str(each["name"]) for each in _ask(ctx, "/hooks", "hooks")]
    return [name for name in names if name.startswith(begun)]


def complete_schedules(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a schedule."""
    names = [str(each["name"]) for each in _ask(ctx, "/schedules", "schedules")]
    return [name for name in names if name.startswith(begun)]


def complete_runs(
    ctx: click.Context, _: click.Parameter, begun: str
) -> list["click.shell_completion.CompletionItem"]:
    """Complete the id of a run, with what it is beside it where the shell shows that."""
    from click.shell_completion import CompletionItem

    runs = _ask(ctx, "/runs", "runs")
    return [
        CompletionItem(str(run["id"]), help=f"{run['template']} {run['state']}")
        for run in runs
        if str(run["id"]).startswith(begun)
    ]
