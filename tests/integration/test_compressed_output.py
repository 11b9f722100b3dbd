"""Output that is compressed some days after its run's end: every reader sees the same bytes."""

import random
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from runner import retention as module
from runner.packing import BLOCK
from runner.store import compressing, counts, output, runs
from tests.aged import aged, do, ended, keep, retention

SIZES = (1, 1, 2, 80, 300, 4000, 70_000, BLOCK - 1, BLOCK, BLOCK + 1)


@pytest.fixture
def chance():
    return random.Random(15)


@pytest.fixture
def printed(chance):
    """Parts of all sizes, of bytes of all kinds."""
    parts = [chance.randbytes(chance.choice(SIZES)) for _ in range(60)]
    return (*parts, b"\0\n" * 500, *(b"%d ok\n" % number for number in range(1500)))


def rows(conn, run):
    return conn.execute(
        """SELECT start, packed_of, octet_length(bytes) AS stored FROM run_output
            WHERE run_id = %s ORDER BY start""",
        [run.id],
    ).fetchall()


def test_each_byte_is_read_as_before(conn, chance, printed):
    run = aged(conn, days=8, parts=printed)
    whole = b"".join(printed)
    asked = [
        (chance.randrange(len(whole) + 2), chance.choice((1, 100, 65_536, 2**18, 2**22)))
        for _ in range(300)
    ]

    keep(conn, rounds=20, compress_days=7)

    assert runs.find(conn, run.id).output_kept == "compressed"
    assert all(row["packed_of"] for row in rows(conn, run))
    for offset, limit in asked:
        read = output.read(conn, run.id, offset, limit)
        assert read.start == offset
        assert read.bytes == whole[offset : offset + limit]


def test_since_a_time_is_the_same_place_as_before(conn, printed):
    run = aged(conn, days=8, parts=printed)
    conn.execute(
        """UPDATE run_output SET at = CASE WHEN start %% 7 > 0 THEN
                  '2026-11-01T10:00:00.000001Z'::timestamptz + start * interval '1 ms' END
            WHERE run_id = %s""",
        [run.id],
    )
    times = [row["at"] for row in conn.execute("SELECT at FROM run_output WHERE at IS NOT NULL")]
    asked = [time + timedelta(microseconds=away) for time in times[::9] for away in (-1, 0, 1)]
    before = [output.offset_since(conn, run.id, at) for at in asked]
    assert len(set(before)) > 50

    keep(conn, rounds=20, compress_days=7)

    assert [output.offset_since(conn, run.id, at) for at in asked] == before


def test_a_large_one_is_done_a_batch_at_a_time_and_read_in_between(conn, monkeypatch):
    monkeypatch.setattr(module, "SHARE", 0.0)
    monkeypatch.setattr(compressing, "BLOCKS", 2)
    parts = tuple(bytes([65 + number]) * (BLOCK // 2) for number in range(9))
    whole = b"".join(parts)
    run = aged(conn, days=8, parts=parts)
    keeping = retention(compress_days=7)

    seen = []
    for _ in range(4):
        do(conn, keeping.chores())
        assert output.read(conn, run.id, 0).bytes == whole
        assert output.read(conn, run.id, BLOCK - 5, 10).bytes == b"BBBBBCCCCC"
        seen.append([row["packed_of"] for row in rows(conn, run)])

    half = BLOCK // 2
    assert seen[0] == [BLOCK, BLOCK, None, None, None, None, None]
    assert seen[1] == [BLOCK, BLOCK, BLOCK, BLOCK, None]
    assert seen[2] == seen[3] == [BLOCK, BLOCK, BLOCK, BLOCK, half]
    assert runs.find(conn, run.id).output_kept == "compressed"


def test_nobody_sees_a_batch_that_is_under_way(conn, database_url):
    run = aged(conn, days=8, parts=(b"one\n", b"two\n", b"three\n"))
    with psycopg.connect(database_url, row_factory=dict_row) as batch:
        assert compressing.compress_oldest(batch, days=7) == 1
        conn.execute("SET statement_timeout = 2000")

        assert output.read(conn, run.id, 2).bytes == b"e\ntwo\nthree\n"

    assert output.read(conn, run.id, 2).bytes == b"e\ntwo\nthree\n"
    assert len(rows(conn, run)) == 1


def test_a_run_that_somebody_has_locked_is_passed_over(conn, database_url):
    locked, free = aged(conn, days=9), aged(conn, days=8)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [locked.id])
        keep(conn, compress_days=7)

    told = [runs.find(conn, run.id).output_kept for run in (locked, free)]
    assert told == ["plain", "compressed"]


def test_young_runs_and_those_without_output_take_no_more_than_a_mark(conn):
    young, silent, last = ended(conn), aged(conn, days=8, parts=()), aged(conn, days=8)

    keep(conn, rounds=1, compress_days=7)

    assert [runs.find(conn, run.id).output_kept for run in (young, silent, last)] == [
        "plain",
        "compressed",
        "compressed",
    ]
    while counts.count(conn):
        pass
    assert counts.read(conn)["compressed"] == {(): 2}


def test_compressed_output_is_forgotten_like_any_other(conn):
    run = aged(conn, days=40)
    keep(conn, compress_days=7)
    keep(conn, output_days=30)

    assert runs.find(conn, run.id).output_kept == "gone"
    assert rows(conn, run) == []
