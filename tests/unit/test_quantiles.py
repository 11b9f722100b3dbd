"""How long runs take, of counts of buckets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.quantiles import GROWTH, LEAST, quantile

seconds = st.floats(0.001, 1e7)


def counted(values):
    """As the store counts them."""
    counts = {}
    for value in values:
        bucket = math.ceil(math.log(max(value / LEAST, 1)) / math.log(GROWTH))
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


@given(st.lists(seconds, min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_wrong_by_one_percent_at_most(values, share):
    exact = sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]

    assert quantile(counted(values), share) == pytest.approx(exact, rel=0.0101)


def test_of_nothing_there_is_no_quantile():
    assert quantile({}, 0.5) is None
    assert quantile({3: 0}, 0.5) is None
