"""How gunicorn serves the API: `gunicorn -c python:app.gunicorn_conf app.wsgi:app`."""

import os
import socket
import struct
from typing import Any

from runner.alarm import turn_deaf

bind = f"{os.environ.get('HOST') or '0.0.0.0'}:{os.environ.get('PORT') or '8000'}"  # noqa: S104 - a container's only door

#: Python's lock binds one worker to some 240 triggers a second, two to some 400 (measured).
workers = int(os.environ.get("WEB_CONCURRENCY") or min(2, os.cpu_count() or 1))

#: Imported once for all workers, and shared by them; it connects to nothing before a request.
preload_app = True

#: One thread for each who follows a run, and these for everybody else: with followers on all
#: threads (seen with 8 and 32) every other call times out. 600 threads cost 20 MB.
worker_class = "app.worker.Worker"
threads = int(os.environ.get("CURTAIN_FOLLOWERS") or 200) + 40
worker_connections = 2000
keepalive = 75  # seconds; longer than the 60 of usual load balancers, who else meet a closed door

#: Seconds for answers under way after SIGTERM; a platform kills after 30.
graceful_timeout = 20

#: gunicorn 27 opens one in the home directory unless told not to.
control_socket_disable = True

#: Seconds without a byte from who has begun to send. gunicorn knows no limit: strangers who send
#: half of a header, or of a hook's body, held all threads and nobody could stop a run (measured).
silence = 10

#: The app writes its own, as JSON.
accesslog = None


def when_ready(server: Any) -> None:
    """Give each connection its limit: Linux hands a listener's on to those that it accepts."""
    for listener in server.LISTENERS:
        limit = struct.pack("@ll", silence, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def post_worker_init(worker: Any) -> None:
    """Let followers see that their worker ends: each would hold it for the whole time-out."""
    from app.services import services_of

    services_of(worker.wsgi).followers.is_closing = lambda: not worker.alive


def on_exit(server: Any) -> None:
    """End well although the platform says SIGTERM again."""
    turn_deaf()
