"""What came of each host, read from a file that a playbook may have written."""

import json
import os

import pytest

from runner.plugin import RECAP
from runner.recap import BIGGEST, LIMIT, LONGEST_NAME, MOST, HostResult, read_recap

COUNTS = [1, 2, 3, 4, 5, 6, 7]


@pytest.fixture
def told(tmp_path):
    """What is read of a file with this in it."""

    def read(content):
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / RECAP).write_bytes(raw)
        return read_recap(str(tmp_path))

    return read


def test_each_host_has_its_counts_in_the_order_of_the_fields(told):
    assert told({"web1": COUNTS}) == (HostResult("web1", 1, 2, 3, 4, 5, 6, 7),)


def test_a_playbook_without_hosts_is_known_to_have_none(told):
    assert told({}) == ()


@pytest.mark.parametrize(
    "forged",
    [
        b"",  # it did not get as far as its recap
        b'{"web1": [1, 2, 3',  # torn by a full disk
        b"\xff",
        b"[" * 100_000,
        [],
        "web1",
        {"web1": COUNTS, "web2": None},  # one that is none: half of it would be a lie
        {"web1": COUNTS[:-1]},
        {"web1": [*COUNTS, 8]},
        {"web1": [-1, *COUNTS[1:]]},
        {"web1": [True, *COUNTS[1:]]},
        {"web1": [1.0, *COUNTS[1:]]},
        {"web1": [BIGGEST + 1, *COUNTS[1:]]},  # beyond Postgres' integer
        {"": COUNTS},
        {"a\0b": COUNTS},  # Postgres keeps no NUL
        {"a\nb": COUNTS},
        {"\ud800": COUNTS},  # half a character
        {"x" * (LONGEST_NAME + 1): COUNTS},  # an index has no room for it
        {f"host{n}": COUNTS for n in range(MOST + 1)},
        b" " * LIMIT + b"{}",
    ],
    ids=lambda forged: repr(forged)[:30],
)
def test_what_is_no_recap_says_nothing(told, forged):
    assert told(forged) is None


def test_without_a_directory_or_a_file_nothing_is_known(tmp_path):
    assert read_recap(None) is None
    assert read_recap(str(tmp_path)) is None
    assert read_recap(str(tmp_path / "gone")) is None


def test_a_pipe_in_its_place_is_not_waited_at(tmp_path):
    os.mkfifo(tmp_path / RECAP)

    assert read_recap(str(tmp_path)) is None


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / RECAP).symlink_to(tmp_path / "secret")

    assert read_recap(str(tmp_path)) is None
