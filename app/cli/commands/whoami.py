"""`curtain whoami`: whose token it is."""

import click

from app.cli import words
from app.cli.call import Call, takes_call


@click.command()
@takes_call
def whoami(call: Call) -> None:
    """Show whose token it is, what it may do, and where."""
    me = call.client.get("/me")
    if call.as_json:
        call.out.document({**me, "url": call.place.url})
        return
    call.out.fields(
        [
            ("name", me["name"]),
            ("server", call.place.url),
            ("rights", ", ".join(me["rights"]) or "none"),
            ("templates", ", ".join(me["templates"]) or "all"),
            ("expires", words.local(me["expires_at"]) or "never"),
        ]
    )
