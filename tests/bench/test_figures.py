"""The figures themselves: a wrong percentile would make every other line a lie."""

import pytest

from tests.bench.figures import Aim, Figure, Spread, times
from tests.bench.table import table

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
