"""The thread that does what comes after runs: retries them, and runs what their templates chain.

In every runner, beside its loop, its watchdog and its dispatcher. Each follow-up is one transaction
with the runs that it makes, so any number of them do it once.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError

from runner import follow, hints, rerun
from runner.acceptance import Refused, check
from runner.admission import Admitted, GroupBusy, admit
from runner.concurrency import Unnamed
from runner.noting import Doer, note_given_way
from runner.rerun import NothingToRepeat
from runner.run import Run, Trigger
from runner.store import credentials, follow_ups, hosts, templates
from runner.store.audit import Deed
from runner.store.connection import AWAY, Connection, Line
from runner.template import Overrides, Template
from runner.vault import SecretsUnreadable, Vault
from runner.wanted import Wanted

log = logging.getLogger(__name__)

TICK: Final = 0.5  # seconds between two looks
#: What keeps a run from being made, and will not be otherwise when it is tried again.
HINDRANCES = (Refused, NothingToRepeat, SecretsUnreadable, GroupBusy, Unnamed, ValidationError)


class FollowUps:
    """Does what comes after runs that have ended."""

    def __init__(self, name: str, vault: Vault, redis: Redis, line: Line) -> None:
        """Do it under a *name*, with a client and a line of its own."""
        self._name = name
        self._vault = vault
        self._redis = redis
        self._line = line

    def serve(self, closing: threading.Event) -> None:
        """Look every TICK until *closing* is set."""
        while not closing.is_set():
            try:
                while self.follow_up() and not closing.is_set():
                    pass
            except AWAY as error:
                self._line.lose(error)
            except Exception:
                log.exception("what comes after a run could not be done")
            closing.wait(TICK)

    def follow_up(self) -> bool:
        """Do what comes after one run; False if there was none. Raise what AWAY names."""
        conn = self._line.conn()
        if follow_ups.first_due(conn) is None:
            return False
        run: Run | None = None
        made: list[Admitted] = []
        try:
            with conn.transaction():
                run = follow_ups.take(conn)
                made = list(self._follow(conn, run)) if run is not None else []
        except Exception:
            # Also what AWAY names, when Postgres is there: a statement that takes too long would
            # take too long again, and what is due after it would never be done.
            if conn.closed or run is None:
                raise
            log.exception(
                "run %d: what comes after it could not be done, and is tried again", run.id
            )
            follow_ups.put_off(conn, run.id)
            return True
        for each in made:
            self._hand_over(each)
        return run is not None

    def _follow(self, conn: Connection, run: Run) -> Iterator[Admitted]:
        """Retry *run*, or run what is chained to it: nothing is chained to what is retried."""
        why = follow.cause(run, is_unreachable=follow_ups.had_unreachable(conn, run.id))
        if follow.is_retried(run, why):
            retried = self._try(conn, run, "retried", {"because": why}, self._retry)
            if retried is not None:
                yield retried
                return
        entries = follow.followers(run)
        if len(entries) > 1:
            follow_ups.take_turns(conn)  # two that wanted the same groups crosswise stood still
        for entry in entries:
            about = {"template": entry["template"]}
            made = self._try(conn, run, "chained", about, self._chain, entry)
            if made is not None:
                yield made

    def _try(
        self, conn: Connection, run: Run, kind: str, about: dict[str, Any], want: Any, *given: Any
    ) -> Admitted | None:
        """Make a run, and note in the history of the one before what came of it."""
        try:
            with conn.transaction():
                wanted: Wanted = want(conn, run, *given)
                action = f"run.{wanted.trigger}"
                detail = {"after": run.id}
                admitted = admit(conn, wanted, Deed(wanted.by, action, None, None, detail))
                if admitted is not None:
                    note_given_way(conn, Doer(wanted.by), admitted)
            assert admitted is not None  # it has no idempotency key
        except HINDRANCES as error:
            said = _said(error)
            log.error("run %d: %s not, %s", run.id, kind, said, extra={"run": run.id})
            follow_ups.note(conn, run, f"not_{kind}", {**about, "why": said}, self._name)
            return None
        follow_ups.note(conn, run, kind, {**about, "run": admitted.run.id}, self._name)
        return admitted

    def _retry(self, conn: Connection, run: Run) -> Wanted:
        only = run.only_hosts
        if run.spec["retry"]["hosts"] == "failed" and run.host_count is not None:
            only = rerun.hosts_of(run, hosts.failed(conn, run.id))
        wanted = rerun.repeat(run, by=run.triggered_by, reason=run.reason, hosts=only)
        renewed = self._vault.renew(run.secrets) if run.secrets else None
        if faults := credentials.faults(conn, run.spec):
            raise Refused(faults)
        return replace(
            wanted,
            trigger=Trigger.RETRY,
            secrets=renewed or run.secrets,
            reply=run.reply,
            hook=run.hook,
            retry_of=run.retry_of or run.id,
            retry_number=(run.retry_number or 0) + 1,
            chained_from=run.chained_from,
            chain_depth=run.chain_depth,
            chain_root=run.chain_root,
            delay=follow.later(run),
            approved_by=run.approved_by,
        )

    def _chain(self, conn: Connection, run: Run, entry: dict[str, Any]) -> Wanted:
        name = entry["template"]
        stored = templates.find(conn, name)
        if stored is None:
            raise Refused([("template", f"there is no template {name!r}")])
        root = run.chain_root or run.id
        if run.chain_depth + 1 > follow.DEEPEST:
            raise Refused([("then", f"{follow.DEEPEST} runs have started each other already")])
        if follow_ups.has_as_many(conn, root, follow.MOST):
            raise Refused([("then", f"the chain of run {root} has {follow.MOST} runs already")])
        template = Template.model_validate(stored.spec)
        stats = follow_ups.stats(conn, run.id)
        given = check(template, follow.handed_on(stats, entry, template.accepts), Overrides())
        if faults := credentials.faults(conn, stored.spec):
            raise Refused(faults)
        return Wanted(
            template=name,
            spec=stored.spec,
            accepted=given.values,
            secrets=self._vault.seal(given.secrets),
            trigger=Trigger.CHAIN,
            by=run.triggered_by,
            reason=f"run {run.id} of {run.template} has {run.state.replace('_', ' ')}",
            chained_from=run.id,
            chain_depth=run.chain_depth + 1,
            chain_root=root,
        )

    def _hand_over(self, made: Admitted) -> None:
        """Tell Redis of it. What that is not told of is made up for by the watchdog."""
        log.info("run %d: queued", made.run.id, extra={"run": made.run.id})
        try:
            hints.hand_over(self._redis, made)
        except RedisError as error:
            log.warning("run %d: not enqueued yet, Redis is away: %s", made.run.id, error)


def _said(error: Exception) -> str:
    """Say why no run was made, and no value."""
    if isinstance(error, ValidationError):
        return "its template is not valid any more"
    return str(error)
