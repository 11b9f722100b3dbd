"""`curtain schedules`: what is run by itself, and when."""

from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.client import at
from app.cli.completing import complete_schedules
from app.cli.declared import yaml

HEADS = ("NAME", "TEMPLATE", "WHEN", "NEXT", "LAST", "RUN", "WHY")
STYLES = {"fired": "green", "skipped": "yellow", "failed": "red"}


@click.group()
def schedules() -> None:
    """List and show schedules: when they are due, and what became of the last due time."""


@schedules.command(name="list")
@takes_call
def list_schedules(call: Call) -> None:
    """List the schedules."""
    found = list(call.client.pages("/schedules", "schedules"))
    if call.as_json:
        call.out.document({"schedules": found})
    else:
        call.out.table(HEADS, (_row(schedule) for schedule in found), STYLES)


def _row(schedule: dict[str, Any]) -> list[object]:
    last = schedule["last"] or {}
    return [
        schedule["name"],
        schedule["spec"]["template"],
        when(schedule["spec"]),
        _next(schedule),
        last.get("outcome"),
        last.get("run"),
        last.get("why"),
    ]


def when(spec: dict[str, Any]) -> str:
    """When it is due, in a few words."""
    if "at" in spec:
        return f"once, {spec['at']}"
    return f"{spec['cron']} {spec.get('timezone', 'UTC')}"


def _next(schedule: dict[str, Any]) -> str:
    if schedule["spec"]["paused"]:
        return "paused"
    if not schedule.get("readable", True):  # of a server before it says so
        return "not by this version"
    return words.local(schedule["next"][0]["at"]) if schedule["next"] else "never"


@schedules.command()
@click.argument("name", shell_complete=complete_schedules)
@takes_call
def show(call: Call, name: str) -> None:
    """Show the schedule NAME as YAML, with its next due times, by the clock of its own zone."""
    schedule = call.client.get(at("schedules", name))
    if call.as_json:
        call.out.document(schedule)
        return
    call.out.line(f"# {schedule['name']}, changed by {schedule['updated_by']}")
    for each in schedule["next"]:
        call.out.line(f"# due {each['local']}")
    if last := schedule["last"]:
        run = f", run {last['run']}" if last["run"] else ""
        why = f": {last['why']}" if last["why"] else ""
        call.out.line(f"# last {last['due']}: {last['outcome']}{run}{why}")
    call.out.line(yaml.dump(schedule["spec"]).rstrip("\n"))
