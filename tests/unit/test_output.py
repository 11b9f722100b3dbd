"""Output waits for Postgres in order, whole, and within its limit."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import output, spool
from runner.output import Output


def take_all(out: Output) -> bytes:
    taken = b""
    while out.waiting:
        chunk = out.next_chunk()
        assert chunk == out.next_chunk()  # offered again until it is taken
        taken += chunk
        out.taken()
    return taken


@given(st.lists(st.one_of(st.binary(max_size=300), st.none()), max_size=40))
def test_what_goes_in_comes_out_in_its_order(tmp_path_factory, moves):
    """None stands for Postgres taking what waits."""
    out = Output(tmp_path_factory.getbasetemp(), {}, 10**9)
    taken = b""
    for move in moves:
        if move is None:
            taken += take_all(out)
        else:
            out.feed(move)
    taken += take_all(out)

    assert taken == b"".join(move for move in moves if move)
    assert out.stored == out.end == len(taken)
    out.close()


def test_more_than_fits_in_memory_waits_on_disk(tmp_path):
    out = Output(tmp_path, {}, 10**9)
    text = bytes(range(256)) * 4 * (spool.MEMORY // 512)
    for start in range(0, len(text), 65_536):
        out.feed(text[start : start + 65_536])

    assert take_all(out) == text
    out.close()


def test_the_limit_is_kept_with_a_notice(tmp_path):
    out = Output(tmp_path, {}, 10)
    out.feed(b"12345")
    out.feed(b"6789012345")
    out.feed(b"more")

    assert take_all(out) == b"1234567890" + output.NOTICE % 10
    assert out.is_truncated
    out.close()


def test_a_chunk_that_was_offered_does_not_grow(tmp_path):
    """Or a repeated INSERT whose answer was lost would not fit what is stored."""
    out = Output(tmp_path, {}, 10**9)
    out.feed(b"one")
    offered = out.next_chunk()
    out.feed(b"two")

    assert out.next_chunk() == offered == b"one"
    out.taken()
    assert out.next_chunk() == b"two"
    out.close()


@pytest.fixture
def torn(tmp_path):
    """120,000 bytes waited for a disk that took 60,000 of them."""
    out = Output(tmp_path, {}, 10**9)
    out.feed(b"x" * spool.MEMORY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        out.feed(b"y" * 60_000)
        out.feed(b"z" * 50_000)
        out.feed(b"z" * 10_000 + b"z" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    yield out
    out.close()


def test_a_full_disk_loses_the_rest_and_nothing_else(torn):
    """It says so, where it is; what waited before arrives, and the end comes."""
    assert torn.is_torn
    torn.finish()

    assert take_all(torn) == b"x" * spool.MEMORY + b"y" * 60_000 + output.TORN % 110_000


def test_what_comes_when_the_disk_has_room_again_is_kept_behind_the_gap(torn):
    before = take_all(torn)
    torn.feed(b"more")
    torn.feed(b" and more")
    torn.finish()

    assert before == b"x" * spool.MEMORY + b"y" * 60_000
    assert take_all(torn) == output.TORN % 110_000 + b"more and more"
    assert torn.is_torn


def test_the_tail_goes_on_after_the_limit(tmp_path):
    """It is where ansible's own reason is found."""
    out = Output(tmp_path, {}, 10)
    out.feed(b"x" * 100)
    out.feed(b"[ERROR]: the reason")

    assert out.tail.endswith(b"[ERROR]: the reason")
    out.close()
