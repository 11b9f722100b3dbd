"""`curtain doctor`: check every part and say what to do."""

import click

from app.cli.call import Call, takes_call
from app.cli.exits import Exit

SIGNS = {"good": ("ok", "green"), "odd": ("look", "yellow"), "bad": ("BAD", "bold red")}


@click.command()
@takes_call
def doctor(call: Call) -> int:
    """Check every part, and say what to do about what is not well.

    0: all is well, or works; 10, 13 or 14: something is not.
    """
    from app.cli.checks import all_of
    from app.cli.client import Client

    with Client(call.place, patience=20.0, tries=1) as client:
        found = list(all_of(client, call.environ))
    bad = [finding for finding in found if finding.level == "bad"]
    if call.as_json:
        findings = [
            {
                "part": finding.part,
                "level": finding.level,
                "words": finding.words,
                "advice": finding.advice,
            }
            for finding in found
        ]
        call.out.document({"well": not bad, "findings": findings})
    else:
        width = max(len(finding.part) for finding in found)
        for finding in found:
            sign, style = SIGNS[finding.level]
            call.out.line(f"{sign:<5} {finding.part:<{width}}  {finding.words}", style)
            if finding.advice:
                call.out.line(f"{'':<5} {'':<{width}}  -> {finding.advice}")
    return bad[0].exit if bad else Exit.DONE
