"""`curtain hooks`: who may call in, what came in, and what would come of it."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.client import at
from app.cli.completing import complete_hooks
from app.cli.declared import yaml
from app.cli.errors import WrongUsage
from app.cli.samples import SENDERS, payload_of

HEADS = ("NAME", "SENDER", "TEMPLATE", "ENABLED", "CHANGED", "BY")
DELIVERIES = ("ID", "AT", "DECISION", "REF", "RUN", "TIMES", "WHY")
DECISIONS = ("queued", "ignored", "refused", "rejected", "answered", "denied")
STYLES = {"queued": "green", "refused": "red", "denied": "red", "rejected": "yellow"}


@click.group()
def hooks() -> None:
    """List, show and try hooks, and see what came in by them."""


@hooks.command(name="list")
@takes_call
def list_hooks(call: Call) -> None:
    """List the hooks."""
    found = list(call.client.pages("/hooks", "hooks"))
    if call.as_json:
        call.out.document({"hooks": found})
        return
    rows = (
        [
            hook["name"],
            hook["sender"],
            hook.get("template"),
            "no" if hook.get("enabled") is False else "yes",
            words.local(hook["updated_at"]),
            hook["updated_by"],
        ]
        for hook in found
    )
    call.out.table(HEADS, rows)


@hooks.command()
@click.argument("name", shell_complete=complete_hooks)
@takes_call
def show(call: Call, name: str) -> None:
    """Show the hook NAME as YAML, and where its sender calls."""
    hook = call.client.get(at("hooks", name))
    if call.as_json:
        call.out.document(hook)
        return
    call.out.line(f"# its sender calls {call.place.url}{hook['path']}")
    call.out.line(yaml.dump(hook).rstrip("\n"))


@hooks.command()
@click.argument("name", shell_complete=complete_hooks)
@click.option("--decision", type=click.Choice(DECISIONS))
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True)
@takes_call
def deliveries(call: Call, name: str, decision: str | None, limit: int) -> None:
    """List what came in through the hook NAME, what was decided, and why."""
    path = f"{at('hooks', name)}/deliveries"
    found = list(call.client.pages(path, "deliveries", limit, decision=decision))
    if call.as_json:
        call.out.document({"deliveries": found})
        return
    rows = (
        [
            each["id"],
            words.local(each["received_at"]),
            each["decision"],
            each["ref"],
            each["run_id"],
            each["times"],
            each["why"],
        ]
        for each in found
    )
    call.out.table(DELIVERIES, rows, STYLES)


@hooks.command()
@click.argument("name", shell_complete=complete_hooks)
@click.option("--payload", metavar="FILE", help="What the sender would send; - is standard input.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header besides."
)
@click.option("--event", metavar="KIND", help="push, tag, or the sender's own name for it.")
@click.option("--ref", metavar="REF", help="The branch or tag that a push is about.")
@click.option("--path", "paths", multiple=True, metavar="FILE", help="A file that it changes.")
@takes_call
def test(
    call: Call,
    name: str,
    payload: str | None,
    headers: tuple[str, ...],
    event: str | None,
    ref: str | None,
    paths: tuple[str, ...],
) -> None:
    """Ask what the hook NAME would do. Nothing is run, and nothing noted.

    With --payload with what was sent or would be; with --event push --ref main with a push that is
    made up, of the repository that the hook's template plays.
    """
    hook = call.client.get(at("hooks", name))
    if payload is None:
        body = _made_up(call, hook, event or "push", ref, paths)
    else:
        body = {"payload": _read(payload), "headers": _event_header(hook["sender"], event)}
    body["headers"] |= _headers(headers)
    tried = call.client.call("POST", f"{at('hooks', name)}/test", body)
    if call.as_json:
        call.out.document(tried)
    else:
        _print(call, tried)


def _made_up(
    call: Call, hook: dict[str, Any], event: str, ref: str | None, paths: tuple[str, ...]
) -> dict[str, Any]:
    if "template" not in hook:
        raise WrongUsage(f"{hook['name']!r} is of a chat: it has no rules")
    template = call.client.get(at("templates", hook["template"]))
    return payload_of(
        hook["sender"], event, ref or "main", template["spec"]["playbook"]["repository"], paths
    )


def _event_header(sender: str, event: str | None) -> dict[str, str]:
    if event is None:
        return {}
    if sender not in SENDERS or SENDERS[sender].header is None:
        raise WrongUsage(f"{sender} tells its event in the payload: leave --event out")
    return {SENDERS[sender].header or "": event}


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for each in given:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise WrongUsage("--header takes NAME:VALUE")
        headers[name.strip()] = value.strip()
    return headers


def _read(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise WrongUsage(f"{file} is no JSON object, as senders send them")
    return content


def _print(call: Call, tried: dict[str, Any]) -> None:
    for event, decision, values, options in zip(
        tried["events"], tried["decisions"], tried["vars"], tried["overrides"], strict=True
    ):
        would = "would be queued" if decision["decision"] == "queued" else decision["decision"]
        why = f": {decision['why']}" if decision["why"] else ""
        what = f"{event.get('event')} {decision['ref'] or ''}".strip()
        call.out.line(f"{what}: {would}{why}", STYLES.get(decision["decision"], ""))
        if values or options:
            pairs = {**(values or {}), **(options or {})}
            call.out.fields((f"  {key}", json.dumps(value)) for key, value in pairs.items())
    if not tried["events"]:
        call.out.line("nothing has happened in it that a hook could run")
