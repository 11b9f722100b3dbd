"""What a keeper says reaches whoever can still be reached."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.status import Status


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(write)


def fill(write: int) -> None:
    for size in (65536, 4096, 1):
        try:
            while os.write(write, b"\n" * size):
                pass
        except BlockingIOError:
            continue


def events(content: bytes) -> list[str]:
    """Read as a runner does: what is no whole line is no event."""
    told = []
    for line in content.splitlines():
        try:
            told.append(json.loads(line)["event"])
        except ValueError:
            continue
    return told


def test_a_reader_that_has_gone_takes_nothing_from_the_record(tmp_path: Path, pipe):
    read, write = pipe
    status = Status(tmp_path / "record", write)
    os.close(read)
    status.say(event="gone")

    assert events((tmp_path / "record").read_bytes()) == ["gone"]


def test_a_line_that_fitted_in_part_spoils_no_other(tmp_path: Path, pipe):
    read, write = pipe
    status = Status(tmp_path / "record", write)
    fill(write)
    os.read(read, 4096)  # room for a part
    status.say(event="refused", message="x" * 6000)
    torn = os.read(read, 1 << 20)
    status.say(event="exit")
    status.say(event="gone")
    received = torn + os.read(read, 1 << 20)
    os.close(read)

    assert events(received) == ["exit", "gone"]
    assert events((tmp_path / "record").read_bytes()) == ["refused", "exit", "gone"]


def test_a_record_is_added_to(tmp_path: Path, pipe):
    read, write = pipe
    for event in ("started", "gone"):
        Status(tmp_path / "record", write).say(event=event)
    os.close(read)

    assert events((tmp_path / "record").read_bytes()) == ["started", "gone"]
