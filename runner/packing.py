"""Parts of an output joined and compressed: what is read seldom takes a tenth of the room.

Not left to Postgres, which compresses each value by itself: most parts are a few hundred bytes, a
quarter of a second's, and their rows cost more than they hold. Pure.
"""

import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

#: Bytes that are joined at most, but for a part that is larger itself: what a reader decompresses
#: to see one of them.
BLOCK: Final = 2**18
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
#: Of a part from before there were times; earlier than all that Python and Postgres know.
UNKNOWN: Final = -(2**63)


class Part(NamedTuple):
    """What was stored at once."""

    start: int
    bytes: bytes
    #: When; None: not known.
    at: datetime | None


class Packed(NamedTuple):
    """Parts that follow on each other."""

    start: int
    #: Compressed.
    content: bytes
    #: Of how many bytes.
    packed_of: int
    #: The length and the time of each part, compressed.
    packed_times: bytes
    #: The last time of them.
    at: datetime | None


def pack(parts: Sequence[Part]) -> Packed:
    """Join and compress; the parts follow on each other without a gap."""
    whole = b"".join(part.bytes for part in parts)
    numbers = [number for part in parts for number in (len(part.bytes), _microseconds(part.at))]
    return Packed(
        start=parts[0].start,
        content=zlib.compress(whole),
        packed_of=len(whole),
        packed_times=zlib.compress(struct.pack(f"<{len(numbers)}q", *numbers)),
        at=max((part.at for part in parts if part.at), default=None),
    )


def unpack(packed: bytes, packed_of: int) -> bytes:
    """The bytes as they were."""
    whole = zlib.decompress(packed)
    if len(whole) != packed_of:
        raise ValueError(f"{packed_of} bytes of output were compressed, and {len(whole)} came back")
    return whole


def offset_since(start: int, packed_times: bytes, at: datetime) -> int | None:
    """Where the first part begins that was stored *at* that time or later."""
    numbers = struct.iter_unpack("<2q", zlib.decompress(packed_times))
    wanted = _microseconds(at)
    for length, stored_at in numbers:
        if stored_at >= wanted:
            return start
        start += length
    return None


def _microseconds(at: datetime | None) -> int:
    return UNKNOWN if at is None else (at - EPOCH) // MICROSECOND
