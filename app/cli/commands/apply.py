"""`curtain apply`: make a server as files declare it."""

import click

from app.cli.call import Call, takes_call
from app.cli.declared.objects import ONE

PAST = {"create": "created", "change": "changed", "delete": "deleted"}


@click.command()
@click.argument("paths", metavar="FILE_OR_DIR...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only show what would change, as a unified diff.")
@click.option(
    "--prune", is_flag=True, help="Delete what is not declared, of the kinds that the files name."
)
@takes_call
def apply(call: Call, paths: tuple[str, ...], dry_run: bool, prune: bool) -> None:
    """Make the server's credentials, templates, hooks and schedules as YAML files declare them.

    Secrets are named in the files as {env: NAME} or {file: PATH}. All files are checked before
    anything is sent; what is as declared already is left alone. Asks nothing, so it fits a release
    phase.

    \b
    credentials:
      site-token: {kind: git_https, username: token, password: {env: SITE_TOKEN}}
    templates:
      deploy-web:
        playbook: {repository: https://…, path: site.yml, credential: site-token}
        inventory: {path: inventories/production}
    hooks:
      site: {sender: github, secret: {env: HOOK_SECRET}, template: deploy-web}
    schedules:
      nightly: {template: deploy-web, cron: 0 3 * * *, timezone: Europe/Berlin}
    """
    from app.cli.declared import files
    from app.cli.declared.plan import Applying, plan

    reading = files.read(paths, call.environ)
    changes = plan(call.client, reading, prune=prune)
    if call.as_json:
        made = [] if dry_run else list(Applying(call.client).make(changes))
        shown = [change.told() for change in (changes if dry_run else made)]
        call.out.document({"changes": shown, "dry_run": dry_run})
    elif not changes:
        call.out.line("nothing to change")
    elif dry_run:
        for change in changes:
            _show(call, change.difference())
    else:
        for change in Applying(call.client).make(changes):
            call.out.line(f"{PAST[change.action]} {ONE[change.kind]} {change.name}")


def _show(call: Call, difference: str) -> None:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in difference.splitlines():
        call.out.line(line, styles.get(line[:1], ""))
