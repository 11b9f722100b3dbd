"""Where each live run's process group is, kept in Redis for those who look; never the truth."""

from typing import Any

from redis import Redis

from runner import keys
from runner.run import Run

KEEP = 120  # seconds; every heartbeat records it again, so a flushed Redis heals in one beat


def record(redis: Redis, runs: list[Run]) -> None:
    """Record the groups of *runs* in one round trip."""
    with redis.pipeline(transaction=False) as pipe:
        for run in runs:
            fields = {
                "leader": run.leader_pid,
                "created": run.leader_created,
                "keeper": run.keeper_pid,
                "runner": run.runner,
                "machine": run.machine,
                "boot": run.boot,
            }
            known: dict[Any, Any] = {
                name: str(value) for name, value in fields.items() if value is not None
            }
            pipe.hset(keys.group(run.id), mapping=known)
            pipe.expire(keys.group(run.id), KEEP)
        pipe.execute()


def forget(redis: Redis, run_id: int) -> None:
    """Remove a run whose family is gone."""
    redis.delete(keys.group(run_id))
