"""Metrics of what has happened: counters and histograms, kept in Postgres for good."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, product
from math import inf
from typing import NamedTuple, get_args

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from app.hooks.taking import Decision
from runner.run import FINAL
from runner.store.counts import BOUNDS, MOST_TEMPLATES, OTHERS
from runner.store.forgetting import TABLES
from runner.store.gauges import Gauges

#: Of which rows are deleted one day.
FORGOTTEN = (*TABLES, "deliveries", "notifications", "audit")
Values = Mapping[tuple[str, ...], float]
Counters = Mapping[str, Values]


class Told(NamedTuple):
    """How a counter is shown."""

    #: Its name in Postgres.
    name: str
    metric: str
    help: str
    labels: tuple[str, ...] = ()


COUNTERS = (
    Told(
        "runs_ended",
        "curtain_runs_ended",
        f"Runs that have ended, by template and final state. The first {MOST_TEMPLATES} templates "
        f"are named, the others counted together as {OTHERS}.",
        ("template", "state"),
    ),
    Told("output_bytes", "curtain_output_bytes", "Bytes of output of runs that have ended."),
    Told(
        "deliveries",
        "curtain_hook_deliveries",
        "Deliveries that hooks have taken, by the kind of sender and what was decided; repeated: "
        "one that has made its run before.",
        ("sender", "decision"),
    ),
    Told(
        "notifications",
        "curtain_notifications_ended",
        "Notifications that were sent, skipped, or given up as dead letters.",
        ("state",),
    ),
    Told(
        "notification_attempts",
        "curtain_notification_attempts",
        "Attempts to tell of something, by whether the target took it.",
        ("outcome",),
    ),
    Told(
        "forgotten",
        "curtain_forgotten_rows",
        "Rows that were deleted since they are older, or more, than is kept.",
        ("table",),
    ),
    Told("compressed", "curtain_outputs_compressed", "Runs whose output was compressed."),
)
HISTOGRAMS = (
    Told(
        "claim_seconds",
        "curtain_claim_seconds",
        "How long runs were queued until a runner claimed them; of their first attempts.",
    ),
    Told(
        "stop_seconds",
        "curtain_stop_seconds",
        "How long stops of claimed runs took, from the first request until nothing of them lived, "
        "by whether force was asked for.",
        ("forced",),
    ),
)


def families(counters: Counters, gauges: Gauges) -> Iterator[Metric]:
    """Make the metrics of what was counted.

    What has not happened yet is 0: a counter that begins with its first one shows no increase.
    """
    zeros = _zeros(counters, gauges)
    for told in COUNTERS:
        counter = CounterMetricFamily(told.metric, told.help, labels=told.labels)
        values = {**dict.fromkeys(zeros[told.name], 0.0), **counters.get(told.name, {})}
        for labels, value in sorted(values.items()):
            counter.add_metric(labels, value)
        yield counter
    for told in HISTOGRAMS:
        histogram = HistogramMetricFamily(told.metric, told.help, labels=told.labels)
        for labels in zeros[told.name]:
            buckets = _buckets(counters.get(told.name, {}), labels)
            total = counters.get(f"{told.name}_sum", {}).get(labels, 0.0)
            histogram.add_metric(labels, buckets, total)
        yield histogram


def _zeros(counters: Counters, gauges: Gauges) -> dict[str, Sequence[tuple[str, ...]]]:
    """What is known to be able to happen, by counter."""
    named = {labels[0] for labels in counters.get("runs_ended", {})} | {OTHERS}
    fresh = [template for template in gauges.templates if template not in named]
    named.update(fresh[: MOST_TEMPLATES + 1 - len(named)])
    decisions = [*get_args(Decision), "answered", "denied", "repeated"]
    decisions.remove("duplicate")  # as the API calls what is counted as repeated
    return {
        "runs_ended": [(template, str(state)) for template, state in product(named, FINAL)],
        "output_bytes": [()],
        "deliveries": list(product(gauges.senders, decisions)),
        "notifications": [("sent",), ("skipped",), ("dead",)],
        "notification_attempts": [("succeeded",), ("failed",)],
        "forgotten": [(table,) for table in FORGOTTEN],
        "compressed": [()],
        "claim_seconds": [()],
        "stop_seconds": [("false",), ("true",)],
    }


def _buckets(counted: Values, labels: tuple[str, ...]) -> list[tuple[str, float]]:
    """Add each bucket to those below it, also buckets of a version that had others."""
    mine = {float(end): value for (*rest, end), value in counted.items() if tuple(rest) == labels}
    ends = sorted({*BOUNDS, inf, *mine})
    sums = accumulate(mine.get(end, 0.0) for end in ends)
    return [
        ("+Inf" if end == inf else str(end), total) for end, total in zip(ends, sums, strict=True)
    ]
