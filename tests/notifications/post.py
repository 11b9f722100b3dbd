"""Runs that tell, without any process, and what is written down of what was told."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from runner.judge import Verdict
from runner.run import Run, RunState, Trigger
from runner.store import claims, moves, runs
from runner.vault import Vault
from runner.wanted import Wanted
from tests.runners import SPEC, Bench
from tests.waiting import PATIENCE, wait_until


@dataclass
class Post:
    """Makes events, and looks at notifications."""

    bench: Bench

    def queue(self, *to: dict[str, Any], on: str = "always", reply: Any = None, **more: Any) -> Run:
        """Queue a run that tells each of these targets; no runner is told of it."""
        vault = Vault(self.bench.environ["CURTAIN_SECRET_KEY"])
        wanted = Wanted(
            template="deploy-web",
            spec={**SPEC, "notifications": [{"on": [on], "to": each} for each in to]},
            trigger=Trigger.API,
            by="ada",
            reply=vault.seal(reply) if reply else None,
            **more,
        )
        run = runs.insert(self.bench.conn, wanted)
        assert run is not None
        return run

    def claim(self, run: Run) -> Run:
        """Have it held by a runner elsewhere."""
        who = {"runner": "one", "machine": "elsewhere", "boot": "boot"}
        claimed = claims.claim(self.bench.conn, run.id, token=uuid4(), lease=600, **who)
        assert claimed is not None
        return claimed

    def start(self, run: Run) -> Run:
        """Make the event `started`."""
        conn, claimed = self.bench.conn, self.claim(run)
        made = moves.register(conn, claimed, leader=1, created=2, keeper=3, directory="/run")
        assert made is not None
        return made

    def prepare(self, run: Run, sha: str = "5" * 40) -> Run:
        """Let its commit be known."""
        made = moves.prepared(self.bench.conn, run, playbook_sha=sha, inventory_sha=None)
        assert made is not None
        return made

    def finish(self, run: Run, state: RunState = RunState.SUCCEEDED, message: str = "") -> Run:
        """Make the event of its end."""
        verdict = Verdict(state=state, message=message or "the playbook has ended", exit_code=0)
        ended = moves.finish(
            self.bench.conn, run, verdict, actor="one", complete=True, truncated=False
        )
        assert ended is not None
        return ended

    def tell(self, *to: dict[str, Any], on: str = "succeeded", **more: Any) -> Run:
        """Make a run that ends at once, and tells of its end."""
        return self.finish(self.claim(self.queue(*to, on=on, **more)))

    def rows(self, run: Run | None = None) -> list[dict[str, Any]]:
        """The notifications, in their order."""
        return self.bench.conn.execute(
            "SELECT * FROM notifications WHERE run_id = coalesce(%s, run_id) ORDER BY id",
            [run and run.id],
        ).fetchall()

    def attempts(self, run: Run | None = None) -> list[dict[str, Any]]:
        """The log of attempts."""
        return self.bench.conn.execute(
            """SELECT notification_attempts.* FROM notification_attempts
                 JOIN notifications ON notifications.id = notification_id
                WHERE run_id = coalesce(%s, run_id) ORDER BY notification_attempts.id""",
            [run and run.id],
        ).fetchall()

    def hasten(self) -> None:
        """Let what is to be tried again be due now, unless an attempt is under way."""
        self.bench.conn.execute(
            """UPDATE notifications SET due_at = now()
                WHERE state = 'pending' AND attempts > 0 AND begun_at IS NULL"""
        )

    def await_states(self, *states: str, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        """Wait until the notifications are in these states."""
        wait_until(lambda: [row["state"] for row in self.rows()] == list(states), timeout=timeout)
        return self.rows()
