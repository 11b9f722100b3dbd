"""`curtain rerun`: repeat a run, or see first what would differ."""

import uuid
from typing import Any

import click

from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs
from app.cli.errors import WrongUsage
from app.cli.seeing import seen_to_its_end, takes_seeing

SHA = 12  # characters of a commit's name


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option("--failed", is_flag=True, help="Only on the hosts where it failed.")
@click.option("--newest", is_flag=True, help="By the template of now and its newest commits.")
@click.option("--preview", is_flag=True, help="Only show what would differ; nothing is run.")
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@click.option("--key", metavar="KEY", help="An Idempotency-Key of yours: the same gives one run.")
@takes_seeing
@takes_call
def rerun(
    call: Call,
    run_id: int,
    failed: bool,
    newest: bool,
    preview: bool,
    reason: str | None,
    key: str | None,
    wait: bool,
    follow: bool,
) -> int | None:
    """Repeat the run ID as it was: its template, variables, secrets and commits."""
    if preview:
        if wait or follow or key:
            raise WrongUsage("--preview runs nothing: there is nothing to wait for")
        _show(call, call.client.get(f"/runs/{run_id}/rerun"))
        return None
    body = {"at": "newest" if newest else "same", "hosts": "failed" if failed else "all"}
    run = call.client.call(
        "POST",
        f"/runs/{run_id}/rerun",
        body | ({"reason": reason} if reason else {}),
        key=key or str(uuid.uuid4()),
    )
    return seen_to_its_end(call, run, wait=wait, follow=follow)


def _show(call: Call, preview: dict[str, Any]) -> None:
    if call.as_json:
        call.out.document(preview)
        return
    out = call.out
    for name in ("playbook", "inventory"):
        if preview[name]:
            _show_source(call, name, preview[name])
    if preview["template"] is None:
        out.line("template: deleted")
    for change in preview["template"] or []:
        out.line(f"template {change['path']}: {change['then']} -> {change['now']}")
    if preview["template"] == []:
        out.line("template: as it was")
    for name, words in (("same_refusals", "as it was"), ("refusals", "with --newest")):
        for fault in preview[name]:
            out.line(f"would be refused {words}: {fault['field']}: {fault['message']}", "red")
    failed = preview["failed_hosts"]
    hosts = f"{failed['count']:,}: {', '.join(failed['hosts'][:20])}"
    out.line(f"failed hosts: {failed['untold'] or hosts}")


def _show_source(call: Call, name: str, source: dict[str, Any]) -> None:
    then, now = ((source[each] or {}).get("sha") for each in ("then", "now"))
    difference = source["difference"]
    relation = difference["relation"] if difference else "unknown"
    call.out.line(f"{name}: {_short(then)} -> {_short(now)} ({relation})", "bold")
    if source["untold"]:
        call.out.line(f"  {source['untold']['message']}", "yellow")
    if not difference:
        return
    for sign, member in (("+", "commits"), ("-", "dropped")):
        for commit in difference[member]:
            call.out.line(
                f"  {sign} {_short(commit['sha'])} {commit['author']}: {commit['subject']}"
            )
        if difference[f"{member}_cut"]:
            call.out.line(f"  {sign} …")
    for file in difference["files"]:
        was = f" (was {file['was']})" if file["was"] else ""
        call.out.line(f"  {file['status']} {file['path']}{was}")
    if difference["files_cut"]:
        call.out.line("  …")


def _short(sha: str | None) -> str:
    return sha[:SHA] if sha else "unknown"
