"""The figures themselves: a wrong percentile would make every other line a lie."""

import subprocess
import time

import pytest

from tests.bench.figures import Aim, Figure, Spread, times
from tests.bench.outcome import Outcome, Stop
from tests.bench.sightings import Watch
from tests.bench.table import table
from tests.waiting import wait_until

HUNDRED = [float(n) for n in range(1, 101)]


@pytest.mark.parametrize(
    ("samples", "p50", "p99"),
    [
        ([7.0], 7.0, 7.0),  # one sample is all there is to say
        ([1.0, 2.0], 1.0, 2.0),  # no mean of two: nobody saw 1.5
        (HUNDRED[::-1], 50.0, 99.0),  # order does not matter, and one in a hundred is left out
    ],
)
def test_a_spread_tells_only_values_that_were_seen(samples, p50, p99):
    assert Spread.of(samples) == Spread(p50, p99, len(samples))


@pytest.mark.parametrize(
    ("aim", "is_met"),
    [
        (None, None),  # nothing was aimed at
        (Aim("p50", 50), False),  # not below
        (Aim("p50", 51), True),
        (Aim("p99", 60), False),  # the median does not save the tail
        (Aim("added", 20), False),  # 50 beside a floor of 30
        (Aim("added", 21), True),
    ],
)
def test_an_aim_is_met_below_its_limit_only(aim, is_met):
    figure = Figure(what="x", unit="ms", ours=Spread.of(HUNDRED), floor=Spread.one(30), aim=aim)

    assert figure.is_met is is_met


def test_the_table_shows_seconds_as_milliseconds_beside_their_floor():
    line = table([times("a stop", [0.1], [0.05], Aim("p50", 200))]).splitlines()[1]

    assert " ".join(line.split()) == "a stop ms 100.0 100.0 50.0 2.00 p50 < 200 met 1"


def test_survivors_are_added_up_and_never_called_gone():
    stops = [
        Stop(gone=0.1, over=0.2, family=6, survivors=[0, 0, 0]),
        Stop(gone=None, over=0.3, family=6, survivors=[5, 4, 3], unseen=1),  # one was born late
    ]

    outcome = Outcome("killpg", "sleep", 1, 2, stops)

    assert outcome.survivors == [5, 4, 4]
    assert table([outcome]).splitlines()[1].split() == [
        *("killpg", "sleep", "1", "2", "2", "12"),
        *("100.0", "100.0", "100.0", "200.0", "300.0", "300.0", "5", "4", "4"),
    ]


def test_a_cell_without_stops_tells_why():
    line = table([Outcome("killpg", "sleep", 20, 50, note="skipped: too slow")]).splitlines()[1]

    assert line.endswith("skipped: too slow")


def test_a_watch_tells_how_many_were_alive_at_a_moment():
    sleepers = [subprocess.Popen(["sleep", "300"]) for _ in range(2)]
    watch = Watch.of(sleeper.pid for sleeper in sleepers)
    moments = []
    for sleeper in sleepers:
        moments.append(time.monotonic())
        sleeper.kill()
        sleeper.wait()
        alive = len(sleepers) - len(moments)
        wait_until(lambda: watch.alive_at(time.monotonic()) == alive)  # noqa: B023 - called here

    assert [watch.alive_at(moment) for moment in moments] == [2, 1]
    assert moments[-1] < watch.await_gone() < time.monotonic()
