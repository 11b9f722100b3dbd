"""Runs made of nothing, for what judges them."""

from dataclasses import fields
from datetime import UTC, datetime

from runner.run import Run, RunState, Trigger

BLANK = {field.name: None for field in fields(Run)}


def make_run(**values) -> Run:
    """A running run with these values."""
    basics = {
        "id": 12,
        "template": "deploy",
        "spec": {"timeout": 60, "grace": 10},
        "accepted": {},
        "overrides": {},
        "trigger": Trigger.API,
        "triggered_by": "ada",
        "queue": "default",
        "priority": 0,
        "chain_depth": 0,
        "queued_at": datetime.now(UTC),
        "state": RunState.RUNNING,
        "phase": "playing",
        "attempt": 1,
        "survivors": [],
        "may_continue_on": [],
        "left_running": [],
        "output_bytes": 0,
        "output_truncated": False,
        "output_kept": "plain",
        "events_kept": True,
        "stale": False,
    }
    return Run(**{**BLANK, **basics, **values})
