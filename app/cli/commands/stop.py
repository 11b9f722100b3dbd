"""`curtain stop`: ask for stops, and perhaps wait until nothing is left."""

from datetime import UTC, datetime
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs
from app.cli.errors import Answered
from app.cli.exits import Exit
from app.cli.out import note
from app.cli.seeing import await_end


@click.command()
@click.argument(
    "run_ids",
    metavar="ID...",
    type=click.IntRange(1),
    nargs=-1,
    required=True,
    shell_complete=complete_runs,
)
@click.option("--force", is_flag=True, help="Kill at once, without the template's grace.")
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@click.option("-w", "--wait", is_flag=True, help="Wait until nothing of them is alive.")
@takes_call
def stop(call: Call, run_ids: tuple[int, ...], force: bool, reason: str | None, wait: bool) -> int:
    """Stop the runs ID.

    All are asked first, then waited for. 0: each was asked, and with --wait has ended; 12: one had
    ended already; 11: there is none of that number.
    """
    body = {"force": force} | ({"reason": reason} if reason else {})
    asked: list[dict[str, Any]] = []
    problems: list[Answered] = []
    for run_id in dict.fromkeys(run_ids):
        try:
            asked.append(call.client.call("POST", f"/runs/{run_id}/stop", body))
        except Answered as error:
            problems.append(error)
    if len(run_ids) == 1 and problems:
        raise problems[0]
    if wait:
        asked = [await_end(call, run) for run in asked]
    _print(call, asked, problems)
    return problems[0].exit if problems else Exit.DONE


def _print(call: Call, asked: list[dict[str, Any]], problems: list[Answered]) -> None:
    if call.as_json:
        told = [error.problem() for error in problems]
        call.out.document({"runs": asked, "problems": told})
        return
    now = datetime.now(UTC)
    for run in asked:
        call.out.line(f"run {run['id']}: {words.sentence(run, now)}")
    for error in problems:
        note(f"curtain: {error}")
