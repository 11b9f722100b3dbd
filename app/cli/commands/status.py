"""`curtain status`: one run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs

SHA = 12  # characters of a commit's name
MOST = 20  # names in a line


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@takes_call
def status(call: Call, run_id: int) -> None:
    """Show the run ID: its state, who wanted it and why, its commits and variables."""
    run = call.client.get(f"/runs/{run_id}")
    if call.as_json:
        call.out.document(run)
        return
    sentence = words.sentence(run, datetime.now(UTC))
    call.out.line(f"run {run['id']}: {sentence}", words.STYLES.get(words.state(run), "bold"))
    call.out.fields(_fields(run))


def _fields(run: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "template", run["template"]
    yield "by", f"{run['triggered_by']} ({run['trigger']})"
    yield "reason", run["reason"]
    yield "behind", _behind(run.get("waiting"))
    yield "queue", run["queue"] if run["queue"] != "default" else None
    yield "priority", run["priority"] if run["priority"] != "normal" else None
    yield "group", run["concurrency_group"]
    yield "rerun of", run["rerun_of"]
    yield "retry", f"{run['retry_number']} of run {run['retry_of']}" if run["retry_of"] else None
    yield "after run", run["chained_from"]
    yield "approval", _approval(run["approval"])
    yield "only hosts", _names(run["only_hosts"])
    yield "variables", ", ".join(f"{name}={value}" for name, value in run["vars"].items())
    yield "options", ", ".join(f"{name}={value}" for name, value in run["options"].items())
    yield "queued", words.local(run["queued_at"])
    yield "started", words.local(run["claimed_at"])
    yield "ended", words.local(run["finished_at"])
    yield "attempt", run["attempt"] if run["attempt"] > 1 else None
    yield "machine", run["machine"]
    yield "playbook", (run["playbook_sha"] or "")[:SHA]
    yield "inventory", (run["inventory_sha"] or "")[:SHA]
    yield "exit code", run["exit_code"]
    yield "output", _output(run["output"])
    if stop := run["stop"]:
        yield "stop", _stop(stop)
    yield "would not die", _processes(run["survivors"])
    yield "left running", _processes(run["left_running"])
    yield "may go on on", _names(run["may_continue_on"])


def _approval(approval: dict[str, Any] | None) -> str:
    if approval is None:
        return ""
    return (
        f"by {approval['by']}"
        if approval["by"]
        else f"wanted, {words.local(approval['expires_at'])}"
    )


def _behind(waiting: dict[str, Any] | None) -> str:
    return ", ".join(map(str, waiting["behind"])) if waiting else ""


def _names(names: list[str] | None) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MOST:,} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _processes(processes: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each.get('pid')} {each.get('command', '')}" for each in processes)


def _output(output: dict[str, Any]) -> str:
    size = words.count(output["bytes"], "byte")
    if output["truncated"]:
        size += ", cut at the limit"
    return size + (", not complete" if output["complete"] is False else "")


def _stop(stop: dict[str, Any]) -> str:
    parts = [f"asked by {stop['by']}" if stop["by"] else "asked", words.local(stop["requested_at"])]
    if stop["forced_at"]:
        parts.append(f"forced by {stop['forced_by']}")
    if stop["outcome"]:
        parts.append(str(stop["outcome"]).replace("_", " "))
    if stop["seconds"] is not None:
        parts.append(f"took {words.span(stop['seconds'])}")
    if stop["reason"]:
        parts.append(stop["reason"])
    return ", ".join(parts)
