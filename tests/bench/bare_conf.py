"""How gunicorn serves the bare application: as the real one, but without its hooks."""

from app.gunicorn_conf import (
    accesslog,
    bind,
    control_socket_disable,
    keepalive,
    threads,
    worker_class,
    worker_connections,
    workers,
)

__all__ = [
    "accesslog",
    "bind",
    "control_socket_disable",
    "keepalive",
    "threads",
    "worker_class",
    "worker_connections",
    "workers",
]
