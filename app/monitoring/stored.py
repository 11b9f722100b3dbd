"""Metrics of room: what Postgres takes for what is stored, and the disks of runners."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from runner.store.gauges import Gauges


def families(gauges: Gauges) -> Iterator[Metric]:
    """Make the metrics of what was seen."""
    tables = GaugeMetricFamily(
        "curtain_table_bytes", "Of a table, with its indexes.", labels=("table",)
    )
    for name, size in sorted(gauges.tables.items()):
        tables.add_metric((name,), size)
    yield tables
    yield GaugeMetricFamily("curtain_database_bytes", "Of all there is.", value=gauges.database)
    if gauges.oldest_run_at is not None:
        yield GaugeMetricFamily(
            "curtain_oldest_run_timestamp_seconds",
            "When the oldest run that is kept was queued.",
            value=gauges.oldest_run_at.timestamp(),
        )
    yield from _disks(gauges)


def _disks(gauges: Gauges) -> Iterator[Metric]:
    labels = ("runner", "machine", "directory")
    total = GaugeMetricFamily(
        "curtain_runner_disk_bytes", "Of the disk that a runner's directory is on.", labels=labels
    )
    free = GaugeMetricFamily("curtain_runner_disk_free_bytes", "Left on that.", labels=labels)
    used = GaugeMetricFamily(
        "curtain_runner_directory_bytes",
        "In the directory; measured every 10 minutes.",
        labels=labels,
    )
    for runner in sorted(gauges.runners, key=lambda runner: runner.name):
        for directory, disk in sorted(runner.disks.items()):
            place = (runner.name, runner.machine, directory)
            for family, part in ((total, "total"), (free, "free"), (used, "used")):
                if part in disk:
                    family.add_metric(place, disk[part])
    yield from (total, free, used)
