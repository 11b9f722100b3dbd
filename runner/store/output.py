"""A run's output: bytes by offset, appended only by the holder of its lease."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from runner import packing
from runner.packing import unpack
from runner.store.connection import Connection

PAGE = 4 * 2**20  # bytes that one read returns at most


class Slice(NamedTuple):
    """A part of a run's output."""

    #: Offset of the first byte.
    start: int
    bytes: bytes

    @property
    def end(self) -> int:
        """Offset behind the last byte."""
        return self.start + len(self.bytes)


def append(conn: Connection, run_id: int, token: UUID, start: int, chunk: bytes) -> bool:
    """Store *chunk* at *start*, the present end. False when the lease is not *token* any more.

    Repeating a call whose answer was lost changes nothing. An empty chunk is refused by a CHECK:
    it would take the place of the next one.
    """
    row = conn.execute(
        """WITH held AS (
               UPDATE runs SET output_bytes = %(start)s + octet_length(%(chunk)s)
                WHERE id = %(run_id)s AND lease_token = %(token)s
                  AND output_bytes IN (%(start)s, %(start)s + octet_length(%(chunk)s))
               RETURNING id),
           stored AS (
               INSERT INTO run_output (run_id, start, bytes)
               SELECT id, %(start)s, %(chunk)s FROM held
               ON CONFLICT (run_id, start) DO NOTHING)
           SELECT id FROM held""",
        {"run_id": run_id, "token": token, "start": start, "chunk": chunk},
        binary=True,
    ).fetchone()
    return row is not None


def read(conn: Connection, run_id: int, offset: int, limit: int = PAGE) -> Slice:
    """Up to *limit* bytes from *offset*, whole chunks first come; empty at the end."""
    rows = conn.execute(
        # Cut by Postgres, which reads no more of a large row than is wanted; but what is compressed
        # is cut here.
        """SELECT start, packed_of,
                  CASE WHEN packed_of IS NULL
                       THEN substring(bytes FROM greatest(0, %(offset)s - start)::int + 1
                                      FOR %(limit)s::int)
                       ELSE bytes END AS bytes
             FROM run_output
            WHERE run_id = %(run_id)s
              AND start >= coalesce(
                      (SELECT max(start) FROM run_output
                        WHERE run_id = %(run_id)s AND start <= %(offset)s), 0)
              AND start < %(offset)s + %(limit)s
            ORDER BY start""",
        {"run_id": run_id, "offset": offset, "limit": limit},
        binary=True,
    ).fetchall()
    return Slice(offset, b"".join(_part(row, offset) for row in rows)[:limit])


def _part(row: dict[str, Any], offset: int) -> bytes:
    """What of a row is behind *offset*."""
    if row["packed_of"] is None:
        return bytes(row["bytes"])
    return unpack(row["bytes"], row["packed_of"])[max(0, offset - row["start"]) :]


def offset_since(conn: Connection, run_id: int, at: datetime) -> int | None:
    """Where what was stored *at* that time or later begins. None when nothing was."""
    row = conn.execute(
        """SELECT start, packed_times FROM run_output WHERE run_id = %s AND at >= %s
            ORDER BY start LIMIT 1""",
        [run_id, at],
    ).fetchone()
    if row is None or row["packed_times"] is None:
        return row["start"] if row else None
    return packing.offset_since(row["start"], row["packed_times"], at)
