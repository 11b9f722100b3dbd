"""`curtain run`: trigger a run of a template, and perhaps see it to its end."""

import sys
import uuid
from typing import Any

import click

from app.cli import given as variables
from app.cli.call import Call, takes_call
from app.cli.client import at
from app.cli.completing import complete_templates
from app.cli.errors import Answered
from app.cli.exits import Exit
from app.cli.out import note
from app.cli.seeing import seen_to_its_end, takes_seeing


@click.command()
@click.argument("template", shell_complete=complete_templates)
@click.option(
    "-e",
    "--extra-vars",
    "extra",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable that the template accepts; also {JSON}, @FILE.yml or @- for standard input. "
    "A secret that is missing is asked for on a terminal.",
)
@click.option("-l", "--limit", metavar="HOSTS", help="Only these hosts.")
@click.option("-t", "--tags", multiple=True, metavar="TAG[,TAG]", help="Only tasks with these.")
@click.option("--skip-tags", multiple=True, metavar="TAG[,TAG]", help="No tasks with these.")
@click.option("-C", "--check", is_flag=True, help="Change nothing, tell what would be changed.")
@click.option("-D", "--diff", is_flag=True, help="Show what is changed in files.")
@click.option("--ref", metavar="REF", help="Another branch, tag or commit of the playbook.")
@click.option("-v", "--verbosity", count=True, help="More of Ansible's words; up to -vvvvv.")
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@click.option("--key", metavar="KEY", help="An Idempotency-Key of yours: the same gives one run.")
@takes_seeing
@takes_call
def run(call: Call, template: str, extra: tuple[str, ...], **options: Any) -> int | None:
    """Run TEMPLATE.

    Prints the run as it was queued; with --wait or --follow the exit code tells how it ended.
    """
    accepts = _accepts(call, template)
    values = variables.read(extra, accepts)
    if sys.stdin.isatty():
        for name in variables.missing_secrets(values, accepts):
            values[name] = click.prompt(name, hide_input=True, err=True)
    body = {"vars": values, **_overrides(options), "reason": options["reason"]}
    started = call.client.call(
        "POST",
        f"{at('templates', template)}/runs",
        {name: value for name, value in body.items() if value is not None},
        # Made once: if the answer is lost, asking again gives the run that there is.
        key=options["key"] or str(uuid.uuid4()),
    )
    return seen_to_its_end(call, started, wait=options["wait"], follow=options["follow"])


def _accepts(call: Call, template: str) -> dict[str, Any]:
    try:
        stored = call.client.get(at("templates", template))
    except Answered as error:
        if error.exit is not Exit.NOT_ALLOWED or error.status == 401:
            raise
        note("this token may not read the template: values of -e are sent as texts")
        return {}
    accepts: dict[str, Any] = stored["spec"].get("accepts", {})
    return accepts


def _overrides(options: dict[str, Any]) -> dict[str, Any]:
    """What was given of the template's overrides."""
    tags = {
        name: [tag for each in options[name] for tag in each.split(",") if tag] or None
        for name in ("tags", "skip_tags")
    }
    flags = {name: options[name] or None for name in ("check", "diff", "verbosity")}
    return {**tags, **flags, "limit": options["limit"], "ref": options["ref"]}
