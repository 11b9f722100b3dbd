"""For Prometheus: read from Postgres when it asks, since no web process knows of the others."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from flask import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.monitoring import counted, live
from app.operations import Operation
from app.problems import unavailable
from app.services import Services
from runner.store import counts, gauges, health
from runner.store.migrate import SchemaMissing, require_schema


class Families(Collector):
    """Metrics of one look. No label has more values than some hundreds."""

    def __init__(self, families: Sequence[Metric]) -> None:
        """Give these."""
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        return self._families


def show_metrics(services: Services) -> Response:
    """Count runs, runners and what the watchdog did, in Prometheus' text format."""
    with services.connection() as conn:
        try:
            require_schema(conn)
        except SchemaMissing as error:
            raise unavailable(str(error)) from None
        seen, now, counters = health.read(conn), gauges.read(conn), counts.read(conn)
    families = [*live.families(seen, now), *counted.families(counters, now)]
    registry = CollectorRegistry()
    registry.register(Families(families))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


OPERATIONS = (
    Operation(
        method="GET",
        path="/metrics",
        view=show_metrics,
        answers={HTTPStatus.OK: None},
        media_types=("text/plain",),
        is_open=True,
    ),
)
