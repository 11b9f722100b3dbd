"""The figures of checkouts: who was right, and how many floors it took."""

import os
from functools import partial

import pytest

from tests.bench.checkout_figures import Checkout, Disk
from tests.bench.checkout_growth import size_of
from tests.bench.checkout_ways import WRITERS, Floor, Ours, Wanted, rivals
from tests.bench.forks import Turn, take_turn
from tests.bench.remote import serve
from tests.bench.table import table

MUCH = 60.0  # seconds


def make_line(way, *seconds, floor=None, has_aim=False):
    line = Checkout("rerun", 50, way, floor=floor, has_aim=has_aim)
    for each in seconds:
        line.add(Turn(each, each / 2, ["a tree"]), connections=0, right=1)
    return line


@pytest.mark.parametrize(
    ("seconds", "is_met"),
    [
        ((0.11, 0.12, 0.9), True),  # the median counts
        ((0.11, 0.13, 0.13), False),  # 1.3 floors are not below 1.3
        ((0.2, 0.2, 0.01), False),
    ],
)
def test_the_aim_is_a_median_below_so_many_medians_of_the_floor(seconds, is_met):
    floor = make_line("floor", 0.1, 0.1, 7.0)

    assert make_line("ours", *seconds, floor=floor, has_aim=True).is_met is is_met


def test_a_line_tells_how_many_runs_had_their_own_files():
    line = make_line("one clone", 0.1, floor=make_line("floor", 0.05))
    line.add(Turn(0.3, 0.2, ["the tree", "the tree"]), connections=2, right=1)

    assert table([line]).splitlines()[1].split() == [
        *("rerun", "50", "one", "clone", "100.0", "300.0", "2.00"),
        *("50.0", "0", "2/3", "2"),
    ]


def test_disk_is_told_beside_what_runs_took_before_and_after_it_filled():
    disk = Disk("ours", 50, 200, kept=3.5, live=0.25, first=[0.1], last=[0.2])

    assert table([disk]).splitlines()[1].split() == [
        *("ours", "50", "200", "3.50", "0.25", "100.0", "200.0")
    ]


def test_a_size_is_what_the_disk_gives_away(tmp_path):
    before = size_of(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("/")  # not followed

    assert 0 < size_of(tmp_path) - before < 64 * 1024
    assert size_of(tmp_path / "nothing") == 0


def test_calls_of_a_turn_are_made_at_once(tmp_path):
    ours, theirs = os.pipe(), os.pipe()

    def meet(mine, other, name):
        os.write(mine[1], b"here")
        assert os.read(other[0], 4) == b"here"  # for ever, were they one after another
        return tmp_path / name

    turn = take_turn([partial(meet, ours, theirs, "a"), partial(meet, theirs, ours, "b")])

    assert turn.trees == [tmp_path / "a", tmp_path / "b"]
    assert 0 < turn.wall < MUCH
    assert 0 < turn.cpu < MUCH
    for end in (*ours, *theirs):
        os.close(end)


def test_a_turn_in_which_a_call_failed_is_none(capfd):
    with pytest.raises(RuntimeError, match="failed"):
        take_turn([lambda: 1 / 0])

    assert "ZeroDivisionError" in capfd.readouterr().err


def test_every_way_brings_the_files_of_the_commit_it_was_asked_for(tmp_path):
    (tmp_path / "served").mkdir()
    with serve(tmp_path / "served") as daemon:
        remote = daemon.make(10)
        old, new = remote.head, remote.commit()
        floors = [Floor(remote.url, tmp_path / name, name) for name in WRITERS]
        for way in [*rivals(remote.url, tmp_path), *floors]:
            runs = (tmp_path / f"{way.home.name}-{number}" for number in range(2))
            way.home.mkdir()

            assert new.is_at(way.check_out(Wanted(new, by_branch=True, is_new=True), next(runs)))
            assert old.is_at(way.check_out(Wanted(old, is_new=True), next(runs)))


def test_the_daemon_tells_that_we_did_not_call_it_for_a_commit_that_is_here(tmp_path):
    with serve(tmp_path) as daemon:
        remote = daemon.make(10)
        ours = Ours(remote.url, tmp_path / "cache")

        counts = [daemon.connections]
        for by_branch in (True, False):
            ours.check_out(Wanted(remote.head, by_branch=by_branch), tmp_path / "run")
            counts.append(daemon.connections)

        assert [count - counts[0] for count in counts] == [0, 2, 2]  # ls-remote, fetch; nothing
