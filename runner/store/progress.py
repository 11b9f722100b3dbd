"""How far the tasks and the hosts of a run have come, while it plays: counted, not listed.

Parts of the one statement that stores a batch (see reading), and what they are given. Each is bound
to the row `moved`: where that is missing nothing is counted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, LiteralString

from runner.event_batch import Sum
from runner.event_lines import COUNTS, Task

HOSTS: Final = 100_000  # of one run; more are played on, and not told of

#: Adds what was told of hosts; gives their numbers by name as `hosts`.
COUNT_HOSTS: LiteralString = """
    told_hosts AS (
        SELECT told.*, to_timestamp(least(told_at + ahead, now)) AS at
          FROM moved, unnest(
               %(host)s::text[], %(host_ok)s::int[], %(host_changed)s::int[],
               %(host_unreachable)s::int[], %(host_failed)s::int[], %(host_skipped)s::int[],
               %(host_rescued)s::int[], %(host_ignored)s::int[], %(host_at_work)s::bool[],
               %(host_task)s::int[], %(host_seconds)s::float8[], %(host_at)s::float8[]) AS told (
               host, ok, changed, unreachable, failed, skipped, rescued, ignored, at_work, task,
               seconds, told_at)),
    numbered_hosts AS (
        SELECT told.*, coalesce(known.number, last.number + row_number()
                   OVER (PARTITION BY known.number IS NULL)) AS number
          FROM told_hosts AS told
          LEFT JOIN run_host_progress AS known
            ON known.run_id = %(run_id)s AND known.host = told.host COLLATE "C",
               (SELECT coalesce(max(number), 0) AS number FROM run_host_progress
                 WHERE run_id = %(run_id)s) AS last),
    hosts AS (
        INSERT INTO run_host_progress AS p (
            run_id, host, number, ok, changed, unreachable, failed, skipped, rescued, ignored,
            at_work, task, seconds, at)
        SELECT %(run_id)s, host, number, ok, changed, unreachable, failed, skipped, rescued,
               ignored, coalesce(at_work, false), task + tasks_before, seconds, at
          FROM numbered_hosts, moved WHERE number <= %(most_hosts)s
        ON CONFLICT (run_id, host) DO UPDATE
           SET ok = p.ok + excluded.ok, changed = p.changed + excluded.changed,
               unreachable = p.unreachable + excluded.unreachable,
               failed = p.failed + excluded.failed, skipped = p.skipped + excluded.skipped,
               rescued = p.rescued + excluded.rescued, ignored = p.ignored + excluded.ignored,
               at_work = excluded.at_work, task = coalesce(excluded.task, p.task),
               seconds = p.seconds + excluded.seconds, at = excluded.at
        RETURNING host, number)"""

#: Adds tasks that have begun, with what came of them within the batch.
ADD_TASKS: LiteralString = """
    added_tasks AS (
        INSERT INTO run_tasks AS t (
            run_id, attempt, number, play, name, action, path, began_at, ended_at,
            ok, changed, unreachable, failed, skipped, rescued, ignored, hosts)
        SELECT %(run_id)s, %(attempt)s, number + tasks_before, play, name, action, path,
               to_timestamp(least(began_at + ahead, now)),
               CASE WHEN hosts > 0 THEN
                   to_timestamp(least(greatest(began_at, told_at) + ahead, now)) END,
               ok, changed, unreachable, failed, skipped, rescued, ignored, hosts
          FROM moved, unnest(
               %(new_number)s::int[], %(new_play)s::text[], %(new_name)s::text[],
               %(new_action)s::text[], %(new_path)s::text[], %(new_began_at)s::float8[],
               %(new_ok)s::int[], %(new_changed)s::int[], %(new_unreachable)s::int[],
               %(new_failed)s::int[], %(new_skipped)s::int[], %(new_rescued)s::int[],
               %(new_ignored)s::int[], %(new_hosts)s::int[], %(new_at)s::float8[]) AS told (
               number, play, name, action, path, began_at, ok, changed, unreachable, failed,
               skipped, rescued, ignored, hosts, told_at)
        ON CONFLICT (run_id, number) DO UPDATE
           SET ok = t.ok + excluded.ok, changed = t.changed + excluded.changed,
               unreachable = t.unreachable + excluded.unreachable,
               failed = t.failed + excluded.failed, skipped = t.skipped + excluded.skipped,
               rescued = t.rescued + excluded.rescued, ignored = t.ignored + excluded.ignored,
               hosts = t.hosts + excluded.hosts,
               ended_at = coalesce(excluded.ended_at, t.ended_at))"""

#: Adds what came of those that have begun before.
COUNT_TASKS: LiteralString = """
    counted_tasks AS (
        UPDATE run_tasks AS t
           SET ok = t.ok + told.ok, changed = t.changed + told.changed,
               unreachable = t.unreachable + told.unreachable, failed = t.failed + told.failed,
               skipped = t.skipped + told.skipped, rescued = t.rescued + told.rescued,
               ignored = t.ignored + told.ignored, hosts = t.hosts + told.hosts,
               ended_at = greatest(t.began_at, to_timestamp(least(told_at + ahead, now)))
          FROM moved, unnest(
               %(task_number)s::int[], %(task_ok)s::int[], %(task_changed)s::int[],
               %(task_unreachable)s::int[], %(task_failed)s::int[], %(task_skipped)s::int[],
               %(task_rescued)s::int[], %(task_ignored)s::int[], %(task_hosts)s::int[],
               %(task_at)s::float8[]) AS told (
               number, ok, changed, unreachable, failed, skipped, rescued, ignored, hosts, told_at)
         WHERE t.run_id = %(run_id)s AND t.number = told.number + tasks_before)"""


def of_hosts(sums: Mapping[str, Sum]) -> dict[str, Any]:
    """What COUNT_HOSTS is given."""
    each = sums.values()
    return {
        "most_hosts": HOSTS,
        "host": list(sums),
        **_counts("host", each),
        "host_at_work": [host.at_work for host in each],
        "host_task": [host.task for host in each],
        "host_seconds": [host.seconds for host in each],
        "host_at": [host.at for host in each],
    }


def of_tasks(begun: Sequence[Task], sums: Mapping[int, Sum]) -> dict[str, Any]:
    """What ADD_TASKS and COUNT_TASKS are given: one statement cannot count what it adds itself."""
    new = {task.number: task for task in reversed(begun)}
    nothing = Sum()
    of_new = [sums.get(number, nothing) for number in new]
    known = {number: each for number, each in sums.items() if number not in new}
    return {
        "new_number": list(new),
        "new_play": [task.play for task in new.values()],
        "new_name": [task.name for task in new.values()],
        "new_action": [task.action for task in new.values()],
        "new_path": [task.path for task in new.values()],
        "new_began_at": [task.at for task in new.values()],
        **_counts("new", of_new),
        "new_hosts": [each.results for each in of_new],
        "new_at": [each.at if each.results else None for each in of_new],
        "task_number": list(known),
        **_counts("task", known.values()),
        "task_hosts": [each.results for each in known.values()],
        "task_at": [each.at for each in known.values()],
    }


def _counts(prefix: str, sums: Collection[Sum]) -> dict[str, list[int]]:
    return {
        f"{prefix}_{name}": [each.counts[place] for each in sums]
        for place, name in enumerate(COUNTS)
    }
