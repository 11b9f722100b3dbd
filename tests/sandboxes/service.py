"""Curtain on a platform: what callers ask of any web, and what is seen of all runs."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from runner.run import Run
from runner.store import runs
from tests import audit
from tests.formation import Answer
from tests.promises import (
    each_run_has_one_end,
    no_final_row_was_changed,
    no_process_lives_under_a_final_row,
)
from tests.repositories import make_repository
from tests.runners import LOCAL, Sight
from tests.sandboxes import gateway
from tests.sandboxes.platform import Platform, Visitor
from tests.waiting import PATIENCE, wait_until

#: Tells the ledger that it has begun, and when it has done its work.
WORKING = f"""
- hosts: all
  gather_facts: false
  vars:
    ansible_shell_executable: /bin/bash
  tasks:
    - &tell
      shell: echo "$CURTAIN_RUN {{{{ told }}}}" >/dev/tcp/{gateway.ADDRESS}/{gateway.LEDGER}
      args: {{executable: /bin/bash}}
      vars: {{told: begun}}
    - debug: msg="ready"
    - command: sleep {{{{ seconds }}}}
    - <<: *tell
      vars: {{told: done}}
"""
PLAYS = "plays"  # the repository
GRACE = 1  # seconds, of the template


class Service(Sight):
    """The runs of one platform."""

    def __init__(self, platform: Platform, database_url: str) -> None:
        """Watch what becomes of runs in the database, which has been released."""
        self.platform = platform
        self.conn = psycopg.connect(database_url, autocommit=True, row_factory=dict_row)
        self.installation = runs.installation(self.conn)
        audit.install(self.conn)

    def close(self) -> None:
        """Let go of Postgres."""
        self.conn.close()

    # What callers do

    def declare(self, web: Visitor, text: str = WORKING, name: str = "work", **more: Any) -> None:
        """Have *text* as a template; *more* is laid over it."""
        repository = make_repository(self.platform.repositories / PLAYS / name, {"site.yml": text})
        url = f"https://{gateway.ADDRESS}/{PLAYS}/{repository.path.name}"
        body = {
            "playbook": {"repository": url, "ref": "main", "path": "site.yml"},
            "inventory": {"content": LOCAL},
            "accepts": {"seconds": {"type": "number", "default": 300}},
            "timeout": 120,
            "grace": GRACE,
            **more,
        }
        answer = web.call("PUT", f"/templates/{name}", body)
        assert answer.status == 201, answer.body

    def trigger(self, web: Visitor, name: str = "work", **values: Any) -> Run:
        """Trigger a run; *values* are its variables."""
        answer = web.call("POST", f"/templates/{name}/runs", {"vars": values})
        assert answer.status == 202, answer.body
        found = runs.find(self.conn, answer.json["id"])
        assert found is not None
        return found

    def stop(self, web: Visitor, run: Run, **body: Any) -> Answer:
        """Ask for a stop, and again as long as the answer is 503, as a caller should."""
        path = f"/runs/{run.id}/stop"
        return wait_until(lambda: (answer := web.call("POST", path, body)).status != 503 and answer)

    # What is seen

    def await_playing(self, *triggered: Run) -> None:
        """Wait until all of them have begun, and sleep."""
        for run in triggered:
            self.await_output(run, b"ready")
            wait_until(lambda run=run: b"sleep" in self._commands(run))

    def _commands(self, run: Run) -> bytes:
        return b" ".join(member.command.encode() for member in self.family(run))

    def sandbox_of(self, run: Run) -> str:
        """The name of the sandbox that has it."""
        machine = self.find(run).machine
        return next(name for name, each in self.platform.sandboxes.items() if each.host == machine)

    def await_end(self, run: Run, timeout: float = PATIENCE) -> Run:
        """Wait for the end of a run; nobody of it lives in that very moment."""
        final = self.await_final(run, timeout)
        assert self.living().get(run.id, []) == []
        return final

    def lies(self) -> list[str]:
        """Everything that is not as it must be, now."""
        rules = (
            no_process_lives_under_a_final_row,
            no_final_row_was_changed,
            each_run_has_one_end,
        )
        return [f"{rule.__name__}: {lie}" for rule in rules for lie in rule(self)]
