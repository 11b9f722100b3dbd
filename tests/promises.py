"""What must be true wherever runs end, whatever was done to them. Each rule names its lies."""

from collections.abc import Iterator

from runner.run import FINAL
from tests.audit import describe, final_rows
from tests.runners import Sight

Lies = Iterator[str]

#: What may still be told of a run after its end.
AFTERWARDS = ("late_result", "family_ended")


def no_process_lives_under_a_final_row(seen: Sight) -> Lies:
    """But the async jobs that the row lists."""
    known = {run.id: run for run in seen.rows()}
    for run_id, pids in seen.living().items():
        run = known.get(run_id)
        left = {member["pid"] for member in run.left_running} if run else set()
        if (run is None or run.is_final) and (strangers := set(pids) - left):
            state = run.state if run else "deleted"
            yield f"run {run_id} is {state}, and these live: {describe(strangers)}"


def no_final_row_was_changed(seen: Sight) -> Lies:
    """By the copies that a trigger of ours has kept, and by the history."""
    for run_id, versions in final_rows(seen.conn).items():
        first, *later = [version and {**version, "late_result": None} for version in versions]
        for version in later:
            if version != first:
                yield f"the final row of run {run_id} was changed: {first} became {version}"
    for run in seen.rows():
        history = [event.kind for event in seen.events(run)]
        ends = [number for number, kind in enumerate(history) if kind in FINAL]
        after = history[ends[0] + 1 :] if ends else []
        if unexpected := [kind for kind in after if kind not in (*AFTERWARDS, *FINAL)]:
            yield f"run {run.id} had ended, and then it was told: {unexpected}"


def each_run_has_one_end(seen: Sight) -> Lies:
    """Exactly one final event when it is final, none before, and of the state of the row."""
    for run in seen.rows():
        ends = [event.kind for event in seen.events(run) if event.kind in FINAL]
        expected = [run.state] if run.is_final else []
        if ends != expected:
            yield f"run {run.id} is {run.state}, and its history tells of {ends}"
