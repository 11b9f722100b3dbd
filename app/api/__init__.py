"""The API, one module a resource."""

from app.api import (
    audit,
    chat,
    credentials,
    deliveries,
    events,
    health,
    hooks,
    hosts,
    me,
    metrics,
    notifications,
    output,
    previews,
    processes,
    reruns,
    runs,
    statistics,
    stops,
    tasks,
    templates,
    tokens,
)
from app.operations import Operation

PREFIX = "/api/v1"

OPERATIONS: tuple[Operation, ...] = (
    *me.OPERATIONS,
    *tokens.OPERATIONS,
    *audit.OPERATIONS,
    *credentials.OPERATIONS,
    *templates.OPERATIONS,
    *statistics.OPERATIONS,
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
