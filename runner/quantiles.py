"""How long runs take, from counts of buckets that grow by 2 %: a quantile is wrong by 1 % at most.

Buckets can be added up, over days and machines; quantiles cannot.
"""

from collections.abc import Mapping

GROWTH = 1.02  # from one bucket's end to the next one's; two thousand buckets reach 20 years
LEAST = 0.001  # seconds: where the first bucket ends


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The seconds that *share* of all took at most. None when there were none."""
    rank, seen = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen and seen >= rank:
            return middle(bucket)
    return None


def middle(bucket: int) -> float:
    """The seconds that are as far, in proportion, from the shortest as from the longest in it."""
    return float(LEAST * GROWTH**bucket * 2 / (1 + GROWTH))
