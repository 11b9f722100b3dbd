"""How an RQ worker of ours differs from RQ's: no long time-outs, no commands, no title."""

from typing import Any, Final

from redis import Redis
from rq.worker.base import BaseWorker

#: What each of our workers is made with.
OPTIONS: Final[dict[str, Any]] = {
    "serializer": "rq.serializers.JSONSerializer",
    "worker_ttl": 90,  # seconds that RQ believes in a worker without a heartbeat
    "log_job_description": False,
}


class QuietWorker(BaseWorker):
    """Leaves connection, process and pub/sub alone."""

    log_result_lifespan = False

    def _set_connection(self, connection: Redis) -> Redis:
        return connection  # RQ would raise its socket's time-out to 415 s

    def subscribe(self) -> None:
        """Do not: RQ's pub/sub commands are not how anything of ours is stopped."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed to."""

    def procline(self, message: str) -> None:
        """Leave the process its name."""
