"""`curtain tokens`: who may call the API."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.client import at
from app.cli.errors import WrongUsage
from app.cli.out import note

RIGHTS = ("read", "run", "stop", "kill", "approve", "admin")
UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}  # seconds
HEADS = ("NAME", "RIGHTS", "TEMPLATES", "EXPIRES", "LAST USED", "CREATED")


@click.group()
def tokens() -> None:
    """Create, list and revoke tokens of the API."""


@tokens.command()
@click.argument("name")
@click.option("--right", "rights", multiple=True, type=click.Choice(RIGHTS), help="read, if none.")
@click.option("--template", "templates", multiple=True, metavar="GLOB", help="All, if none.")
@click.option("--expires", metavar="WHEN", help="30d, 12h, or a time: 2027-01-31T12:00:00Z.")
@takes_call
def create(
    call: Call, name: str, rights: tuple[str, ...], templates: tuple[str, ...], expires: str | None
) -> None:
    """Create the token NAME and print it, alone on standard output: it is shown this once."""
    body: dict[str, Any] = {"name": name}
    if rights:
        body["rights"] = list(rights)
    if templates:
        body["templates"] = list(templates)
    if expires:
        body["expires_at"] = _time(expires)
    made = call.client.call("POST", "/tokens", body, is_repeatable=False)
    if call.as_json:
        call.out.document(made)
        return
    note(f"token {made['name']} ({', '.join(made['rights'])}); it is shown this once:")
    call.out.line(made["token"])


def _time(text: str) -> str:
    """Read a time, or how long from now."""
    if found := re.fullmatch(r"([0-9]{1,5})([mhdw])", text):
        span = timedelta(seconds=int(found[1]) * UNITS[found[2]])
        return (datetime.now(UTC) + span).isoformat()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage("--expires takes 30d, 12h, or 2027-01-31T12:00:00Z") from None
    return (time if time.tzinfo else time.astimezone()).isoformat()


@tokens.command(name="list")
@takes_call
def list_tokens(call: Call) -> None:
    """List the tokens; none is shown itself."""
    found = list(call.client.pages("/tokens", "tokens"))
    if call.as_json:
        call.out.document({"tokens": found})
    else:
        call.out.table(HEADS, (_row(token) for token in found))


def _row(token: dict[str, Any]) -> list[object]:
    return [
        token["name"],
        ", ".join(token["rights"]),
        ", ".join(token["templates"]) or "all",
        words.local(token["expires_at"]) or "never",
        words.local(token.get("last_used_at")) or "never",
        words.local(token.get("created_at")),
    ]


@tokens.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@takes_call
def revoke(call: Call, names: tuple[str, ...]) -> None:
    """Revoke the tokens NAME: whoever has one is not believed any more."""
    for name in names:
        call.client.call("DELETE", at("tokens", name))
        if not call.as_json:
            call.out.line(f"revoked {name}")
    if call.as_json:
        call.out.document({"revoked": list(names)})
