"""What must be true of every world at rest, whatever was done to it. Each rule names its lies."""

import re
from collections import Counter
from collections.abc import Callable

from runner.run import Run, RunState, StopOutcome
from tests.faults import traces
from tests.faults.world import World
from tests.promises import (
    Lies,
    each_run_has_one_end,
    no_final_row_was_changed,
    no_process_lives_under_a_final_row,
)
from tests.waiting import wait_until

#: What is no outcome of a stop that was one.
NO_STOP = (None, StopOutcome.TOO_LATE)
GAP = b" bytes are missing here, the disk did not take them]"
WORD = rb"<%s (\d+)>\n"


def no_run_was_executed_twice(world: World) -> Lies:
    """By the witness in each playbook: once for each attempt that has begun."""
    noted = Counter(world.executions())
    yield from (f"{attempt} was executed {n} times" for (_, attempt), n in noted.items() if n > 1)
    attempts = Counter(run_id for run_id, _ in noted)
    known = {run.id: run for run in world.rows()}
    for run_id, executed in attempts.items():
        again = sum(event.kind == "requeued" for event in world.events(known[run_id]))
        if executed > 1 + again:
            yield f"run {run_id} was executed {executed} times and requeued {again} times"


def output_is_what_was_written(world: World) -> Lies:
    """Every word the witness has said, without a hole; unless the row tells of one."""
    for run in world.rows():
        stored = _stored(world, run)
        if stored is None:
            yield f"run {run.id}: the chunks of its output have holes or overlap"
            continue
        if len(stored) != run.output_bytes:
            yield f"run {run.id}: {len(stored)} bytes are stored, {run.output_bytes} are told"
        attempts = [attempt for _, attempt in world.executions(run)]
        for attempt in attempts:
            is_whole = bool(run.output_complete) and attempt == attempts[-1]
            yield from _torn(world, run, attempt, stored, is_whole=is_whole)


def _torn(world: World, run: Run, attempt: str, stored: bytes, *, is_whole: bool) -> Lies:
    heard = [int(number) for number in re.findall(WORD % attempt.encode(), stored)]
    said = (world.reports / attempt).read_bytes().count(b"\n")
    is_told = not run.output_complete and GAP in stored
    if heard != list(range(len(heard))) and not is_told:
        yield f"run {run.id}: words are missing inside of its output: {heard[:50]}"
    if is_whole and len(heard) < said:
        yield f"run {run.id}: its output is called complete, with {len(heard)} of {said} words"
    # Between a word and its note the witness may be killed.
    if len(heard) > said + 1:
        yield f"run {run.id}: {len(heard)} words are stored, {said} were said"


def _stored(world: World, run: Run) -> bytes | None:
    chunks = world.conn.execute(
        "SELECT start, bytes FROM run_output WHERE run_id = %s ORDER BY start", [run.id]
    ).fetchall()
    stored = b""
    for chunk in chunks:
        if chunk["start"] != len(stored):
            return None
        stored += chunk["bytes"]
    return stored


def each_stop_tells_who_and_why_and_what_it_took(world: World) -> Lies:
    """Of each run whose stop was asked for."""
    for run in world.rows():
        took = (run.stop_outcome, run.stop_seconds)
        if run.state is RunState.STOPPED and (took[0] in NO_STOP or took[1] is None):
            yield f"run {run.id} is stopped, and that took {took}"
        ended_by_itself = run.state in (RunState.SUCCEEDED, RunState.FAILED)
        if ended_by_itself and run.stop_requested_at and took[0] is not StopOutcome.TOO_LATE:
            yield f"run {run.id} is {run.state}, and its stop was {took[0]}"
        if run.id in world.reasons:
            told = (run.stop_requested_by, run.stop_reason)
            if told != ("admin", world.reasons[run.id]):
                yield f"run {run.id}: who and why of its stop are {told}"


def every_run_comes_to_its_end(world: World) -> Lies:
    """Nothing is queued, running or stopping for ever, but what a scenario says."""
    for run in world.rows():
        if not run.is_final and run.id not in world.unfinished:
            yield (
                f"run {run.id} is still {run.state}, {run.phase}, stale: {run.stale}, "
                f"stop asked: {run.stop_requested_at}, holder: {run.holder}"
            )


RULES: tuple[Callable[[World], Lies], ...] = (
    every_run_comes_to_its_end,
    no_process_lives_under_a_final_row,
    no_final_row_was_changed,
    no_run_was_executed_twice,
    output_is_what_was_written,
    each_run_has_one_end,
    each_stop_tells_who_and_why_and_what_it_took,
    *traces.RULES,
)


def violations(world: World, *, seconds: float = 30.0) -> list[str]:
    """Every lie of a world at rest. What cleans up after itself has *seconds* to do it."""
    found: list[str] = []

    def is_clean() -> bool:
        found[:] = [f"{rule.__name__}: {lie}" for rule in RULES for lie in rule(world)]
        return not found

    try:
        wait_until(is_clean, timeout=seconds, interval=0.2)
    except AssertionError:
        return found
    return []
