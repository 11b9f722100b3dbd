"""For Prometheus: counted in Postgres when it asks, since no web process knows of the others."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from flask import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.operations import Operation
from app.problems import unavailable
from app.services import Services
from runner.store import health
from runner.store.health import Health
from runner.store.migrate import SchemaMissing, require_schema


class HealthCollector(Collector):
    """Makes metrics of one look. No label is a template or a run: their number has no bound."""

    def __init__(self, seen: Health) -> None:
        """Make metrics of what was *seen*."""
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._runs()
        yield from self._watchdog()
        yield from self._runners()
        yield from self._notifications()

    def _runs(self) -> Iterator[Metric]:
        seen = self._seen
        runs = GaugeMetricFamily(
            "curtain_runs", "Runs that are not final.", labels=("state", "stopping")
        )
        runs.add_metric(("queued", "false"), seen.queued)
        runs.add_metric(("running", "false"), seen.running)
        runs.add_metric(("running", "true"), seen.stopping)
        yield runs
        yield GaugeMetricFamily(
            "curtain_queue_oldest_seconds",
            "How long the oldest queued run waits; 0 when none does.",
            value=seen.oldest_queued_seconds or 0.0,
        )
        yield GaugeMetricFamily(
            "curtain_runs_stuck_stopping",
            "Runs whose stop takes longer than a stop can take.",
            value=seen.stuck_stopping,
        )
        yield GaugeMetricFamily(
            "curtain_runs_stale", "Running runs whose runner is silent.", value=seen.stale
        )

    def _watchdog(self) -> Iterator[Metric]:
        seen = self._seen
        if seen.round_at is not None:
            yield GaugeMetricFamily(
                "curtain_watchdog_last_round_timestamp_seconds",
                "When the last round ended.",
                value=seen.round_at.timestamp(),
            )
        if seen.round_seconds is not None:
            yield GaugeMetricFamily(
                "curtain_watchdog_round_seconds",
                "What the last round took.",
                value=seen.round_seconds,
            )
        yield CounterMetricFamily(
            "curtain_watchdog_rounds", "Rounds of those that had the watch.", value=seen.rounds
        )
        verdicts = CounterMetricFamily(
            "curtain_watchdog_verdicts", "What all watchdogs decided.", labels=("verdict",)
        )
        for kind, count in seen.verdicts.items():
            verdicts.add_metric((kind,), count)
        yield verdicts

    def _runners(self) -> Iterator[Metric]:
        seen = self._seen
        yield GaugeMetricFamily(
            "curtain_runners", "Runners heard of in the last 30 seconds.", value=seen.runners
        )
        slots = GaugeMetricFamily("curtain_slots", "Their slots.", labels=("state",))
        slots.add_metric(("busy",), seen.busy)
        slots.add_metric(("free",), max(0, seen.slots - seen.busy))
        yield slots

    def _notifications(self) -> Iterator[Metric]:
        seen = self._seen
        notifications = GaugeMetricFamily(
            "curtain_notifications",
            "Notifications that are to be told, and that were given up.",
            labels=("state",),
        )
        notifications.add_metric(("pending",), seen.notifications_pending)
        notifications.add_metric(("dead",), seen.notifications_dead)
        yield notifications


def show_metrics(services: Services) -> Response:
    """Count runs, runners and what the watchdog did, in Prometheus' text format."""
    with services.connection() as conn:
        try:
            require_schema(conn)
        except SchemaMissing as error:
            raise unavailable(str(error)) from None
        seen = health.read(conn)
    registry = CollectorRegistry()
    registry.register(HealthCollector(seen))
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
