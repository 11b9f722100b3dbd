"""gunicorn's worker with threads, which lingers for nobody in the thread that accepts.

gunicorn 27.0.1 waits there for up to two seconds until a client hangs up that was told
`Connection: close`: twenty that do not kept everybody else waiting for 37 seconds (measured).
"""

from typing import Any, Final

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

LINGER: Final = 0.5  # seconds for what a client still sends, so that it reads our answer to its end


class ClosedAlready(Exception):
    """The connection is done with; whoever finishes it has only to count."""


class Worker(ThreadWorker):
    """Closes connections in the thread that has answered."""

    def handle(self, conn: Any) -> Any:
        """Answer a request; close the connection unless another one may come. Raise ClosedAlready.

        What is raised here makes gunicorn let go of the connection at once.
        """
        is_kept = super().handle(conn)
        if is_kept:
            return is_kept
        conn.sock.setblocking(True)
        util.close_graceful(conn.sock, timeout=LINGER)
        raise ClosedAlready
