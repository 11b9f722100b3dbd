"""Playbooks that end in all ways, and the runs that come after theirs."""

import threading
from uuid import uuid4

from runner.follow_ups import FollowUps
from runner.judge import Verdict
from runner.run import Run, RunState
from runner.store import claims, follow_ups, lists, moves

FAILING = "- hosts: all\n  gather_facts: false\n  tasks: [{fail: {msg: no}}]\n"
UNREACHABLE = """
- hosts: all
  gather_facts: false
  tasks:
    - ping:
"""
SETTING = """
- hosts: all
  gather_facts: false
  tasks:
    - set_stats:
        data: {version: "1.2", count: 3, other: dropped, password: from-stats,
               token: "{{ secret | default('none') }}"}
"""
TELLING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug:
        msg: "version {{ version }} count {{ count }} fixed {{ fixed }} {{ other | default('-') }}"
"""
PLACE = {"runner": "r", "machine": "m", "boot": "b"}
ACCEPTS = {
    "version": {"type": "string"},
    "count": {"type": "integer"},
    "fixed": {"type": "string"},
    "token": {"type": "string"},
    "password": {"type": "string", "secret": True},
}


def newest(bench, template: str) -> Run | None:
    found = lists.page(bench.conn, limit=1, template=template)
    return found[0] if found else None


def after(bench, run: Run) -> list[str]:
    """What the run's history tells of what came after its end."""
    kinds = ("retried", "not_retried", "chained", "not_chained")
    return [event.kind for event in bench.events(run) if event.kind in kinds]


def is_settled(bench) -> bool:
    return follow_ups.first_due(bench.conn) is None


def end(bench, run: Run, state: RunState = RunState.SUCCEEDED) -> None:
    """Let a run end."""
    claimed = claims.claim(bench.conn, run.id, **PLACE, token=uuid4(), lease=60)
    verdict = Verdict(state=state, message="", exit_code=0)
    assert moves.finish(bench.conn, claimed, verdict, actor="r", complete=True, truncated=False)


def all_at_once(workers: list[FollowUps]) -> None:
    """Let all do what there is, begun in the same moment."""
    barrier = threading.Barrier(len(workers))

    def work(worker: FollowUps) -> None:
        barrier.wait(60)
        while worker.follow_up():
            pass

    threads = [threading.Thread(target=work, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
