"""What it means to repeat a run: as it was, or as its template is now. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final

from runner.acceptance import Accepted, Refused, check
from runner.errors import RunnerError
from runner.run import Run, Trigger
from runner.template import Overrides, Template
from runner.wanted import Wanted

#: What Ansible takes for more than one host's name when no host is called so, or not any more.
PATTERN: Final = re.compile(r"[!&~].*|.*[*?\[].*|all|ungrouped", re.DOTALL)
NAMED: Final = 5  # hosts that a message names


class NothingToRepeat(RunnerError):
    """There are no hosts to repeat the run on."""

    code = "no_hosts"


def repeat(run: Run, *, by: str, reason: str | None, hosts: list[str] | None) -> Wanted:
    """Want *run* again as it was: its template, variables, options and commits of then."""
    return Wanted(
        template=run.template,
        spec=run.spec,
        accepted=run.accepted,
        secrets=run.secrets,
        overrides=run.overrides,
        trigger=Trigger.RERUN,
        by=by,
        reason=reason,
        rerun_of=run.id,
        only_hosts=hosts,
        playbook_sha=run.playbook_sha,
        inventory_sha=run.inventory_sha,
    )


def fit(run: Run, template: Template, secrets: dict[str, Any]) -> Accepted:
    """Check what the caller of *run* gave against its template of now. Raise Refused."""
    exposed = [
        (f"vars.{name}", "was secret then and would be shown now")
        for name in secrets
        if name in template.accepts and not template.accepts[name].secret
    ]
    try:
        accepted = check(template, given(run, secrets), Overrides.model_validate(run.overrides))
    except Refused as refused:
        raise Refused([*refused.faults, *exposed]) from None
    if exposed:
        raise Refused(exposed)
    return accepted


def given(run: Run, secrets: dict[str, Any]) -> dict[str, Any]:
    """Tell what its caller gave. What was the default then counts as not given."""
    accepts = run.spec.get("accepts", {})
    return {
        name: value
        for name, value in {**run.accepted, **secrets}.items()
        if name not in accepts or accepts[name].get("default") != value
    }


def hosts_of(run: Run, failed: Sequence[str]) -> list[str]:
    """Take the hosts that *failed* in *run*. Raise NothingToRepeat when that cannot be."""
    if run.host_count is None:
        raise NothingToRepeat(
            f"which hosts failed in run {run.id} is not known: Ansible did not tell before its end"
        )
    if not failed:
        raise NothingToRepeat(f"no host failed or was unreachable in run {run.id}")
    if odd := [host for host in failed if not means_one_host(host)]:
        named = ", ".join(map(repr, odd[:NAMED]))
        raise NothingToRepeat(f"to Ansible these would mean more than one host each: {named}")
    return list(failed)


def means_one_host(name: str) -> bool:
    """Whether a line of this in a file for --limit can only be this name."""
    return name.strip() == name and not PATTERN.fullmatch(name)


def check_limit(run: Run, hosts: Sequence[str] | None, options: dict[str, Any]) -> None:
    """Raise NothingToRepeat where *hosts* would take the place of another limit than then."""
    if hosts and run.options.get("limit") != options.get("limit"):
        raise NothingToRepeat(
            f"the limit of template {run.template!r} is another than in run {run.id}: "
            "which of its hosts are still meant cannot be told"
        )
