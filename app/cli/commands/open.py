"""`curtain open`: a run's page."""

import sys

import click

from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs


@click.command(name="open")
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@takes_call
def open_page(call: Call, run_id: int) -> None:
    """Print where the page of the run ID is; on a desk's terminal open it in the browser too."""
    url = f"{call.place.url}/runs/{run_id}"
    if call.as_json:
        call.out.document({"url": url})
        return
    call.out.line(url)
    has_screen = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & {*call.environ}
    if call.out.is_terminal and has_screen:
        click.launch(url)
