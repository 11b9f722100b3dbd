"""The API, one module a resource."""

from app.api import (
    chat,
    credentials,
    deliveries,
    events,
    health,
    hooks,
    hosts,
    metrics,
    notifications,
    output,
    previews,
    processes,
    reruns,
    runs,
    stops,
    tasks,
    templates,
)
from app.operations import Operation

PREFIX = "/api/v1"

OPERATIONS: tuple[Operation, ...] = (
    *credentials.OPERATIONS,
    *templates.OPERATIONS,
    *hooks.OPERATIONS,
    *deliveries.OPERATIONS,
    *chat.OPERATIONS,
    *runs.OPERATIONS,
    *stops.OPERATIONS,
    *reruns.OPERATIONS,
    *previews.OPERATIONS,
    *output.OPERATIONS,
    *events.OPERATIONS,
    *hosts.OPERATIONS,
    *tasks.OPERATIONS,
    *processes.OPERATIONS,
    *notifications.OPERATIONS,
    *health.OPERATIONS,
    *metrics.OPERATIONS,
)
