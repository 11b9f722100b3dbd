"""The soak finds no lie where there is none, and finds the one that we tell."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psutil
import pytest

from app.bootstrap.errors import BootstrapError
from runner.run import RunState
from tests.faults.soak.__main__ import minutes, parse
from tests.faults.soak.faults import FAULTS, Fault
from tests.faults.soak.life import Life, ViolatedError
from tests.faults.soak.load import Load
from tests.faults.soak.record import Record
from tests.faults.world import make_world
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(400)  # a world takes its time on a busy machine
ROOT = Path(__file__).resolve().parents[2]
#: One whose recovery takes seconds; the others are the soak's own.
FAULT = "redis flushed"


@contextmanager
def lying(world, random):
    """A final row without its end."""
    (run, *_) = (run for run in world.rows() if run.is_final)
    world.conn.execute(
        "DELETE FROM run_events WHERE run_id = %s AND kind = %s", [run.id, run.state]
    )
    yield


LIE = Fault("a lie", "everything", lying, (0.0, 0.0), frozenset(), None)


def test_a_soak_finds_what_is_wrong_and_nothing_else(tmp_path):
    record = Record(seed=7, worlds=1)
    with make_world() as world:
        load = Load(world, Random(7), callers=2)
        life = Life(load, Random(7), record, tmp_path / "evidence")
        life.begin()
        life.hurt([FAULTS[FAULT]])
        life.rest()
        assert record.violations == []

        life.hurt([LIE])
        with pytest.raises(ViolatedError):
            life.rest()
        life.end()

    assert "each_run_has_one_end" in record.violations[0]
    assert "a lie" in (tmp_path / "evidence/world-1/violation.txt").read_text()
    assert list(load.told.values()).count(RunState.SUCCEEDED) >= 1  # the probe
    assert len(record.lines[FAULT].recoveries) == 1
    *_, lie, fault, total = ("", *record.table().splitlines())
    assert lie.split()[-1] == total.split()[-1] == "1"
    assert fault.split()[-1] == "0"


def test_every_fault_says_what_it_does_and_has_an_undoing():
    assert len(FAULTS) > 25
    assert all(fault.act.__doc__ for fault in FAULTS.values())


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (["30"], 30 * 60),
        (["0.1", "--seed", "3"], 6),
        ([], None),  # no time
        (["soon"], None),  # no number
        (["-3"], None),  # nothing can be done in it
        (["0"], None),  # the same
        (["nan"], None),  # no number, whatever Python thinks
        (["inf"], None),  # nobody waits for that
    ],
)
def test_minutes_are_a_number_above_zero(given, seconds):
    said = parse(given).minutes

    if seconds is None:
        with pytest.raises(BootstrapError, match="minutes above 0"):
            minutes(said)
    else:
        assert minutes(said) * 60 == pytest.approx(seconds)


@pytest.fixture
def folder():
    """A TMPDIR that Postgres' own user may look into, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_soak_that_is_ended_leaves_nobody_alive(folder, number):
    command = [sys.executable, "-m", "app", "test", "--soak", "5", "--json", folder / "all.json"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as soak:
        below = wait_until(lambda: _formation(soak.pid), timeout=120)

        soak.send_signal(number)
        printed, _ = soak.communicate(timeout=120)

    wait_until(lambda: not any(each.is_running() for each in below))
    if number == signal.SIGINT:
        assert soak.returncode == 128 + number
        assert b"1 worlds" in printed
        assert json.loads((folder / "all.json").read_text())["violations"] == []
        assert list(folder.glob("curtain-*")) == []


def _formation(pid):
    """What the soak has started, once that is a runner with its keepers."""
    below = psutil.Process(pid).children(recursive=True)
    return below if sum(map(_is_keeper, below)) >= 2 else None


def _is_keeper(process):
    try:
        return "runner.leader" in process.cmdline()
    except psutil.Error:
        return False  # it has ended
