"""Metrics of what is there now: gauges, read when Prometheus asks."""

import platform
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.monitoring import stored
from app.version import VERSION
from runner.store.counts import MOST_TEMPLATES, OTHERS
from runner.store.gauges import Gauges
from runner.store.health import Health


def families(seen: Health, gauges: Gauges) -> Iterator[Metric]:
    """Make the metrics of what was seen."""
    yield from _build()
    yield from _runs(seen, gauges)
    yield from _watchdog(seen, gauges)
    yield from _runners(seen, gauges)
    yield from _notifications(seen)
    yield from stored.families(gauges)


def _build() -> Iterator[Metric]:
    build = GaugeMetricFamily(
        "curtain_build_info", "The version that answers; always 1.", labels=("version", "python")
    )
    build.add_metric((VERSION, platform.python_version()), 1)
    yield build


def _runs(seen: Health, gauges: Gauges) -> Iterator[Metric]:
    runs = GaugeMetricFamily(
        "curtain_runs", "Runs that are not final.", labels=("state", "stopping")
    )
    runs.add_metric(("queued", "false"), seen.queued)
    runs.add_metric(("running", "false"), seen.running)
    runs.add_metric(("running", "true"), seen.stopping)
    yield runs
    yield _of_templates(gauges)
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
    yield GaugeMetricFamily(
        "curtain_survivors",
        "Processes of running runs that would not die.",
        value=gauges.survivors,
    )


def _of_templates(gauges: Gauges) -> Metric:
    """Name those with the most live runs, and none that has no run: that would be many zeros."""
    family = GaugeMetricFamily(
        "curtain_template_runs",
        f"Runs that are not final, by template; beyond {MOST_TEMPLATES} as {OTHERS}.",
        labels=("template", "state"),
    )
    by_number = sorted(gauges.live, key=lambda key: (-gauges.live[key], key))
    named = set(list(dict.fromkeys(template for template, _ in by_number))[:MOST_TEMPLATES])
    counts: Counter[tuple[str, str]] = Counter()
    for (template, state), runs in gauges.live.items():
        counts[template if template in named else OTHERS, state] += runs
    for labels in sorted(counts):
        family.add_metric(labels, counts[labels])
    return family


def _watchdog(seen: Health, gauges: Gauges) -> Iterator[Metric]:
    if seen.round_at is not None:
        yield GaugeMetricFamily(
            "curtain_watchdog_last_round_timestamp_seconds",
            "When the last round ended.",
            value=seen.round_at.timestamp(),
        )
    if seen.seconds_ago is not None:
        yield GaugeMetricFamily(
            "curtain_watchdog_last_round_age_seconds",
            "How long ago that was, by Postgres' clock.",
            value=seen.seconds_ago,
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
    yield GaugeMetricFamily(
        "curtain_uncounted",
        "What has happened and is in no counter yet; the watchdog counts it in its rounds.",
        value=gauges.uncounted,
    )


def _runners(seen: Health, gauges: Gauges) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "curtain_runners", "Runners heard of in the last 30 seconds.", value=seen.runners
    )
    slots = GaugeMetricFamily("curtain_slots", "Their slots.", labels=("state",))
    slots.add_metric(("busy",), seen.busy)
    slots.add_metric(("free",), max(0, seen.slots - seen.busy))
    yield slots
    labels = ("runner", "machine")
    each = GaugeMetricFamily("curtain_runner_slots", "Slots of a runner.", labels=labels)
    busy = GaugeMetricFamily("curtain_runner_busy_slots", "Those that are taken.", labels=labels)
    beat = GaugeMetricFamily(
        "curtain_runner_last_beat_timestamp_seconds",
        "When a runner was last heard of. One that leaves properly is no longer told of, one that "
        "vanished for an hour.",
        labels=labels,
    )
    for runner in sorted(gauges.runners, key=lambda runner: runner.name):
        place = (runner.name, runner.machine)
        each.add_metric(place, runner.slots)
        busy.add_metric(place, runner.busy)
        beat.add_metric(place, runner.beat_at.timestamp())
    yield from (each, busy, beat)


def _notifications(seen: Health) -> Iterator[Metric]:
    notifications = GaugeMetricFamily(
        "curtain_notifications",
        "Notifications that are to be told, and that were given up.",
        labels=("state",),
    )
    notifications.add_metric(("pending",), seen.notifications_pending)
    notifications.add_metric(("dead",), seen.notifications_dead)
    yield notifications
