"""The file of events, read from place to place."""

import os

import pytest

from runner.event_file import CHUNK, LINES, EventFile, EventsTorn
from runner.paper import NotPlain
from runner.plugin import EVENTS


@pytest.fixture
def opened(tmp_path):
    """The file with such a content, and who reads it."""
    readers = []

    def make(content):
        (tmp_path / EVENTS).write_bytes(content)
        readers.append(EventFile(tmp_path))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


def read_all(file):
    position, lines = 0, []
    while (step := file.read(position, file.size))[1] > position:
        lines += step[0]
        position = step[1]
    return lines, position


def test_lines_are_read_once_each(opened):
    lines = [b"%d" % n for n in range(3 * LINES + 1)]

    assert read_all(opened(b"\n".join(lines) + b"\n"))[0] == lines


def test_what_has_no_end_yet_waits_for_it(opened, tmp_path):
    file = opened(b"one\ntw")

    assert file.read(0, file.size) == ([b"one"], 4)
    assert file.read(4, file.size) == ([], 4)
    with (tmp_path / EVENTS).open("ab") as more:
        more.write(b"o\n")
    assert file.read(4, file.size) == ([b"two"], 8)


def test_a_line_that_is_too_long_is_passed_over(opened):
    lines, position = read_all(opened(b"x" * (2 * CHUNK + 5) + b"\nlast\n"))

    assert lines[-1] == b"last"
    assert position == 2 * CHUNK + 11


@pytest.mark.parametrize("now", [b"", b"1\n", b"a longer line than there was before\n"])
def test_a_file_that_was_emptied_is_found_out(opened, tmp_path, now):
    file = opened(b"one\ntwo\n")
    _, position = file.read(0, file.size)

    (tmp_path / EVENTS).write_bytes(now)

    with pytest.raises(EventsTorn):
        file.read(position, file.size)


def test_who_removes_it_takes_nothing_away(opened, tmp_path):
    file = opened(b"one\n")

    (tmp_path / EVENTS).unlink()

    assert file.read(0, file.size) == ([b"one"], 4)


def test_a_fifo_in_its_place_is_not_waited_at(tmp_path):
    os.mkfifo(tmp_path / EVENTS)

    with pytest.raises(NotPlain):
        EventFile(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / EVENTS).symlink_to("/etc/passwd")

    with pytest.raises(OSError, match="symbolic"):
        EventFile(tmp_path)
