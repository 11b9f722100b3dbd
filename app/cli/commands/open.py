"""`curtain open`: a run's page."""

import click

from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs


@click.command(name="open")
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@takes_call
def open_page(call: Call, run_id: int) -> None:
    """Print where the page of the run ID is; on a terminal open it in the browser too."""
    url = f"{call.place.url}/runs/{run_id}"
    if call.as_json:
        call.out.document({"url": url})
        return
    call.out.line(url)
    if call.out.is_terminal:
        click.launch(url)
