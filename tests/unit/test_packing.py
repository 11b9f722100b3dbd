"""Parts of an output, joined and compressed."""

import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import packing
from runner.packing import Part, pack, unpack

FIRST = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))


def parts_of(told: list[tuple[bytes, datetime | None]], start: int) -> list[Part]:
    parts = []
    for content, at in told:
        parts.append(Part(start, content, at))
        start += len(content)
    return parts


@given(
    st.lists(st.tuples(st.binary(min_size=1), TIMES), min_size=1),
    st.integers(min_value=0, max_value=2**40),
    st.datetimes(timezones=st.just(UTC)),
)
def test_what_comes_back_is_what_was_given(told, start, at):
    parts = parts_of(told, start)
    packed = pack(parts)

    assert packed.start == start
    assert unpack(packed.content, packed.packed_of) == b"".join(content for content, _ in told)
    assert packed.at == max((each for _, each in told if each), default=None)
    for wanted in (at, *(part.at for part in parts if part.at)):
        since = next((part.start for part in parts if part.at and part.at >= wanted), None)
        assert packing.offset_since(start, packed.packed_times, wanted) == since


def test_the_output_of_a_playbook_becomes_a_tenth():
    told = [
        (b"ok: [web%03d] => (item=package-%d)\n" % (n % 50, n), FIRST + timedelta(seconds=n))
        for n in range(5000)
    ]
    packed = pack(parts_of(told, 0))

    assert len(packed.content) + len(packed.packed_times) < packed.packed_of / 5


def test_what_is_damaged_is_not_shown_as_output():
    packed = pack([Part(0, b"one", None)])

    with pytest.raises(ValueError, match="4 bytes of output were compressed, and 3 came back"):
        unpack(packed.content, 4)
    with pytest.raises(zlib.error):
        unpack(packed.content[:-1], 3)
