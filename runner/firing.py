"""Runs what schedules are due, each due time once however many watchdogs look.

In one transaction the schedule is moved on to its next due time, and its run is made. Whoever does
not move it on makes none; who is killed in between has done neither.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from runner import due
from runner.acceptance import Refused, check
from runner.admission import Admitted, GroupBusy, admit
from runner.concurrency import Unnamed
from runner.errors import RunnerError
from runner.noting import Doer, note_given_way
from runner.run import Trigger
from runner.schedule import Schedule
from runner.store import audit, schedules, templates
from runner.store.audit import Deed
from runner.store.connection import Connection, giving_way
from runner.store.schedules import StoredSchedule
from runner.template import Template
from runner.vault import Vault
from runner.wanted import Wanted

log = logging.getLogger(__name__)


def fire(conn: Connection, vault: Vault, seen: StoredSchedule, now: datetime) -> Admitted | None:
    """Run the due time that *seen* has, or note why not. None if there is no run of it by us."""
    schedule = Schedule.model_validate(seen.spec)
    assert seen.next_at is not None  # it is due
    assert seen.fire_at is not None
    plan = due.plan(seen.name, schedule, seen.next_at, now - seen.fire_at, now)
    with giving_way(conn):
        if not schedules.move_on(conn, seen, due.times(seen.name, schedule, plan.next_at)):
            return None
        if not plan.is_run:
            log.warning("schedule %s: skipped %s: %s", seen.name, seen.next_at, plan.why)
            schedules.note(conn, seen, "skipped", why=plan.why, run=None)
            return None
        try:
            admitted = _admit(conn, want(conn, vault, seen, schedule))
        except GroupBusy as busy:
            log.warning("schedule %s: skipped %s: %s", seen.name, seen.next_at, busy)
            schedules.note(conn, seen, "skipped", why=str(busy), run=None)
            return None
        except (RunnerError, Unnamed) as error:
            log.warning("schedule %s: no run for %s: %s", seen.name, seen.next_at, error)
            schedules.note(conn, seen, "failed", why=str(error), run=None)
            return None
        schedules.note(conn, seen, "fired", why=plan.why, run=admitted.run.id)
    log.info("schedule %s: run %d for %s", seen.name, admitted.run.id, seen.next_at)
    return admitted


def want(conn: Connection, vault: Vault, seen: StoredSchedule, schedule: Schedule) -> Wanted:
    """Want the run that is due. Raise Refused naming what the template does not take any more."""
    stored = templates.find(conn, seen.template)
    assert stored is not None  # a foreign key
    assert seen.next_at is not None
    template, kept = Template.model_validate(stored.spec), vault.open(seen.sealed)
    require_secrecy(template, kept)
    given = check(template, {**schedule.vars, **kept}, schedule.overrides())
    return Wanted(
        template=seen.template,
        spec=stored.spec,
        accepted=given.values,
        secrets=vault.seal(given.secrets),
        overrides=given.overrides,
        trigger=Trigger.SCHEDULE,
        by=f"schedule {seen.name}",
        reason=schedule.reason,
        schedule={"name": seen.name, "due": seen.next_at.astimezone(UTC).isoformat()},
    )


def require_secrecy(template: Template, secrets: dict[str, Any]) -> None:
    """Raise Refused for a variable that was secret when it was given and would be shown now."""
    exposed = [
        (f"vars.{name}", "was secret when it was given and would be shown now")
        for name in secrets
        if name in template.accepts and not template.accepts[name].secret
    ]
    if exposed:
        raise Refused(exposed)


def _admit(conn: Connection, wanted: Wanted) -> Admitted:
    detail = {"reason": wanted.reason, **(wanted.schedule or {})}
    told = {name: value for name, value in detail.items() if value is not None}
    admitted = admit(conn, wanted, Deed(wanted.by, audit.TRIGGER, None, None, told))
    assert admitted is not None  # it has no idempotency key
    note_given_way(conn, Doer(wanted.by), admitted)
    return admitted
