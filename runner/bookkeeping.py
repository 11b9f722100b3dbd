"""How an RQ worker of ours differs from RQ's: no long time-outs, no commands, no title."""

from redis import Redis
from rq.worker.base import BaseWorker


class QuietWorker(BaseWorker):
    """Leaves connection, process and pub/sub alone."""

    def _set_connection(self, connection: Redis) -> Redis:
        return connection  # RQ would raise its socket's time-out to 415 s

    def subscribe(self) -> None:
        """Do not: RQ's pub/sub commands are not how anything of ours is stopped."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed to."""

    def procline(self, message: str) -> None:
        """Leave the process its name."""
