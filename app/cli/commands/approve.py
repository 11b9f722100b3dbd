"""`curtain approve` and `deny`: of runs that want approval."""

import click

from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@takes_call
def approve(call: Call, run_id: int, reason: str | None) -> None:
    """Let the run ID start, which wants approval."""
    _tell(call, run_id, "approve", reason)


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@takes_call
def deny(call: Call, run_id: int, reason: str | None) -> None:
    """See that the run ID, which wants approval, never starts."""
    _tell(call, run_id, "deny", reason)


def _tell(call: Call, run_id: int, verb: str, reason: str | None) -> None:
    run = call.client.call("POST", f"/runs/{run_id}/{verb}", {"reason": reason} if reason else {})
    if call.as_json:
        call.out.document(run)
    else:
        done = "approved" if verb == "approve" else "denied: it never starts"
        call.out.line(f"run {run['id']}: {done}")
