"""What must be left of ended runs on a machine and in Redis: nothing."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from runner import cgroup, keys
from runner.concurrency import DEFAULT_QUEUE, RANKS
from runner.store.runners import KEEP
from runner.zygote_handle import PREFIX
from tests.left import left_directories

if TYPE_CHECKING:
    from redis import Redis

    from tests.faults.world import World

Lies = Iterator[str]

OLD = 120.0  # seconds; the watchdog leaves younger directories alone
#: RQ's own that stand for ever, each bounded; and the bell.
STANDING = (
    keys.BELL,
    "rq:queues",
    "rq:workers",
    *(
        f"rq:{kind}:{keys.queue(DEFAULT_QUEUE, rank)}"
        for kind in ("workers", "finished", "failed", "clean_registries")
        for rank in RANKS.values()
    ),
)
LOOKS = 5  # at a process whose watchdog reads /proc twice a second
STARTED = f"rq:wip:{keys.QUEUE}"
TAKEN = f"rq:queue:{keys.QUEUE}:intermediate"
DAY = 86_400.0  # seconds
SPARE_SOCKETS = 3  # a pool of Redis or Postgres connections may have grown by what it needed


def no_zombie_is_left(world: "World") -> Lies:
    """Below any process of the world."""
    for container in world.containers:
        if container.is_alive and (dead := zombies(container.pid)):
            yield f"{container.name} has zombies: {dead}"


def zombies(pid: int) -> list[int]:
    """Find what has ended below a process and was not waited for."""
    below = psutil.Process(pid).children(recursive=True)
    return [each.pid for each in below if _is_zombie(each)]


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def no_descriptor_is_left(world: "World") -> Lies:
    """A runner at rest has no more open than when it had just come up."""
    for name, before in world.descriptors.items():
        if world.runners[name].is_alive:
            more = descriptors(world.runners[name].pid) - before
            more -= _of_zygotes(more)
            if more["socket"] <= SPARE_SOCKETS:
                del more["socket"]
            if more:
                yield f"runner {name} has descriptors more than at its start: {dict(more)}"


def _of_zygotes(more: Counter[str]) -> Counter[str]:
    """Tell which of these a runner has for its zygotes: each its lock, a pipe and a socket."""
    locks = [name for name in more if f"/{PREFIX}" in name]
    return Counter(locks) + Counter(pipe=len(locks), socket=len(locks))


def descriptors(pid: int) -> Counter[str]:
    """Count what a process keeps open, by kind; not what it opens for a moment."""
    looks = []
    for _ in range(LOOKS):
        looks.append(_open_now(pid))
        time.sleep(0.01)
    return reduce(and_, looks)


def _open_now(pid: int) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kinds[os.readlink(descriptor).partition(":[")[0]] += 1
        except FileNotFoundError:
            continue  # closed meanwhile
    return kinds


def no_directory_is_left(world: "World") -> Lies:
    """No run's; the watchdog removes those of a killed runner when they are old, and so they are
    made to be."""
    busy = {run.directory for run in world.rows() if not run.is_final}
    for runner in world.runners.values():
        left = [
            directory
            for directory in left_directories(runner.folder / "state" / "runs")
            if str(directory) not in busy
        ]
        for directory in left:
            os.utime(directory, (time.time() - OLD,) * 2)
        if left:
            yield f"runner {runner.name} has left {[directory.name for directory in left]}"


def no_cgroup_is_left(world: "World") -> Lies:
    """Of a run, but for those with async jobs that were left running."""
    allowed = {run.id for run in world.rows() if run.left_running}
    for run_id, _, group in cgroup.groups(world.installation):
        if run_id not in allowed:
            yield f"run {run_id} has left {group.directory}"


def no_temporary_file_is_left(world: "World") -> Lies:
    """Of any process of the world; each has a TMPDIR of its own. Where a template lets async jobs
    outlive its runs their modules use it, too, and leave their payloads when they are killed."""
    may_stay = any(run.spec.get("leave_async") for run in world.rows())
    for container in world.containers:
        files = [file.name for file in container.folder.glob("tmp/*")]
        if left := [name for name in files if not (may_stay and name.startswith("ansible_"))]:
            yield f"{container.name} has left in its TMPDIR: {left}"


def no_key_is_left(world: "World") -> Lies:
    """In Redis, beside those that stand for all and those that expire."""
    unfinished = {f"rq:job:{run_id}" for run_id in world.unfinished}
    with world.redis() as redis:
        dead = (
            _jobs_of_the_dead(redis) if any(each.kills for each in world.runners.values()) else {}
        )
        known = {*STANDING, *unfinished, *dead, *dead.values()}
        for raw in redis.scan_iter():
            key = raw.decode()
            if key not in known and redis.ttl(key) == -1:
                yield f"the key {key} stands for ever"


def _jobs_of_the_dead(redis: "Redis") -> dict[str, str]:
    """Tell what killed runners had in hand, with the list it is in, until RQ's own cleaning.

    That fails jobs that are overdue (the score is that time), or were taken and never entered.
    """
    overdue = redis.zrangebyscore(STARTED, 0, time.time() + DAY)
    started = {f"rq:job:{entry.decode().partition(':')[0]}": STARTED for entry in overdue}
    taken = {f"rq:job:{job.decode()}": TAKEN for job in redis.lrange(TAKEN, 0, -1)}
    return {**started, **taken}


def no_dead_runner_stays_listed(world: "World") -> Lies:
    """Beyond a day; one that was not killed is gone from the list at once."""
    rows = world.conn.execute(
        "SELECT name, beat_at < now() - make_interval(secs => %s) AS old FROM runners", [KEEP]
    ).fetchall()
    yield from (f"runner {row['name']} is listed for more than a day" for row in rows if row["old"])
    alive = sum(runner.is_alive for runner in world.runners.values())
    killed = sum(runner.kills for runner in world.runners.values())
    if len(rows) > alive + killed:
        yield f"{alive} runners are alive, {killed} were killed, {len(rows)} are listed: {rows}"


RULES = (
    no_zombie_is_left,
    no_descriptor_is_left,
    no_directory_is_left,
    no_cgroup_is_left,
    no_temporary_file_is_left,
    no_key_is_left,
    no_dead_runner_stays_listed,
)
