"""Wanting a run again: as it was, or as its template is now."""

from dataclasses import replace
from typing import Any

from app.api.run_requests import RerunBody
from runner import rerun
from runner.acceptance import Refused
from runner.rerun import NothingToRepeat
from runner.run import Run
from runner.store import credentials, hosts, templates
from runner.store.connection import Connection
from runner.template import restored
from runner.vault import Vault
from runner.wanted import Wanted


def again(vault: Vault, conn: Connection, run: Run, asked: RerunBody, *, by: str) -> Wanted:
    """Want the final *run* again. Raise NothingToRepeat, Refused or SecretsUnreadable."""
    only = run.only_hosts
    if asked.hosts == "failed":
        only = rerun.hosts_of(run, hosts.failed(conn, run.id))
    wanted = rerun.repeat(run, by=by, reason=asked.reason, hosts=only)
    if asked.at == "newest":
        return _renewed(vault, conn, run, wanted)
    wanted = replace(wanted, spec={**run.spec, **_approval_of_now(conn, run)})
    # With the first key: whoever is about to give up an older one does not look for it here.
    renewed = vault.renew(run.secrets) if run.secrets else None
    _require_credentials(conn, run.spec)
    return replace(wanted, secrets=renewed or run.secrets)


def _approval_of_now(conn: Connection, run: Run) -> dict[str, Any]:
    """What its template asks for by now: else what is older than the rule would go past it."""
    stored = templates.find(conn, run.template)
    approval = stored.spec.get("approval") if stored else None
    return {"approval": approval} if approval else {}


def _renewed(vault: Vault, conn: Connection, run: Run, wanted: Wanted) -> Wanted:
    """Take the template as it is now for the one of then."""
    stored = templates.find(conn, run.template)
    if stored is None:
        raise NothingToRepeat(f"there is no template {run.template!r} any more")
    template = restored(stored.spec)
    given = rerun.fit(run, template, vault.open(run.secrets))
    renewed = replace(
        wanted,
        spec=stored.spec,
        accepted=given.values,
        secrets=vault.seal(given.secrets),
        overrides=given.overrides,
        playbook_sha=None,
        inventory_sha=None,
    )
    rerun.check_limit(run, wanted.only_hosts, renewed.options)
    _require_credentials(conn, stored.spec)
    return renewed


def _require_credentials(conn: Connection, spec: dict[str, Any]) -> None:
    """Raise Refused: what would fail as soon as it is taken by a runner is not queued."""
    if faults := credentials.faults(conn, spec):
        raise Refused(faults)
