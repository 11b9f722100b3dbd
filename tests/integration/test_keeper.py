"""The keeper's life: idle, gate, leader, gone."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.keeping import Kept, child, children_of, keepers
from tests.waiting import wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    with keepers(tmp_path) as start_keeper:
        yield start_keeper


def stat_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def state_of(pid: int) -> str:
    return stat_of(pid)[0]


def test_an_idle_keeper_ends_when_its_runner_goes_and_runs_nothing(start):
    kept = start()
    kept.abandon()

    assert kept.keeper.wait(60) == 0
    assert not kept.record.exists()


def test_an_idle_keeper_hears_no_signal_of_a_terminal_or_platform(start):
    kept = start()
    ignored = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    wait_until(lambda: ignored_by(kept.keeper.pid) >= ignored)
    for number in ignored:
        kept.keeper.send_signal(number)
    kept.order(child("reporting")).send(b"o")

    assert kept.wait_for_end()["code"] == 0


def ignored_by(pid: int) -> set[int]:
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = [int(line.split()[1], 16) for line in status.splitlines() if "SigIgn" in line]
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_a_leader_waits_at_its_gate(start, tmp_path):
    touched = tmp_path / "touched"
    kept = start().order(["/bin/touch", str(touched)])
    leader = kept.wait_for("started")["pid"]
    wait_until(lambda: state_of(leader) == "S")

    assert not touched.exists()
    kept.send(b"o")
    assert kept.wait_for_end()["never_started"] is False
    assert touched.exists()


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (b"s", "stop"),  # somebody was quick
        (b"k", "force"),
        (b"t", "timeout"),
        (b"d", "shutdown"),
        (b"", "orphaned"),  # the runner died between fork and gate
    ],
)
def test_a_gate_that_never_opens_lets_nothing_run(start, tmp_path, request_, why):
    touched = tmp_path / "touched"
    kept = start().order(["/bin/touch", str(touched)])
    kept.wait_for("started")
    kept.send(request_) if request_ else kept.abandon()
    kept.keeper.wait(60)

    assert kept.wait_for_end()["never_started"] is True
    assert kept.signals() == [("KILL", why)]
    assert not touched.exists()
    assert kept.living() == []


def test_a_leader_may_say_something_when_nobody_reads_any_more(start):
    """A runner dies in any order: its control pipe may be open when its status pipe is not."""
    kept = start()
    with open(os.devnull) as nowhere:
        os.dup2(nowhere.fileno(), kept.status)
    kept.order(["/bin/true"], cgroup="/proc/group").send(b"o")

    assert kept.wait_for_end()["code"] == 0
    assert kept.events("entered")


def test_a_gate_that_is_not_opened_in_time_stays_shut(start, tmp_path):
    """Its runner may be frozen; by then others may say that nothing of the run lives."""
    touched = tmp_path / "touched"
    kept = start().order(["/bin/touch", str(touched)], gate_until=time.monotonic() + 1)
    kept.wait_for_end()

    assert kept.signals() == [("KILL", "orphaned")]
    assert kept.events("exit")[0]["never_started"] is True
    assert not touched.exists()
    assert kept.living() == []


def test_a_gate_is_not_opened_too_late(start, tmp_path):
    """Keeper and runner stood still together, and the runner went on first."""
    touched = tmp_path / "touched"
    until = time.monotonic() + 1
    kept = start().order(["/bin/touch", str(touched)], gate_until=until)
    kept.wait_for("started")
    kept.keeper.send_signal(signal.SIGSTOP)
    kept.send(b"o")
    wait_until(lambda: time.monotonic() > until)
    kept.keeper.send_signal(signal.SIGCONT)

    assert kept.wait_for_end()["never_started"] is True
    assert not touched.exists()
    assert kept.living() == []


def test_an_open_gate_is_never_too_late(start):
    until = time.monotonic() + 1
    kept = start().play(child("obedient"), gate_until=until)
    wait_until(lambda: time.monotonic() > until + 0.2)

    assert kept.events("exit") == []
    kept.send(b"k")
    assert kept.wait_for_end()["never_started"] is False
    assert kept.living() == []


def test_an_order_that_comes_too_late_forks_nobody(start):
    """Whoever gave it has claimed the run, stood still, and may have lost it."""
    kept = start().order(["/bin/true"], gate_until=time.monotonic() - 1)

    assert kept.keeper.wait(60) == 0
    assert kept.events() == [{"event": "unled"}]


def test_an_order_of_a_runner_that_is_dead_forks_nobody(start):
    """A watchdog may have settled the run while the keeper was still starting."""
    kept = start()
    kept.keeper.send_signal(signal.SIGSTOP)
    kept.order(["/bin/true"])
    kept.abandon()
    kept.keeper.send_signal(signal.SIGCONT)

    assert kept.keeper.wait(60) == 0
    assert not kept.record.exists()


def test_a_leader_that_ends_when_its_runner_is_gone_is_told_to_be_orphaned(start):
    """It ends of its output, which nobody reads any more, before its keeper signals anybody."""
    read, write = os.pipe()
    kept = start(output=write).order(["/bin/sh", "-c", "while echo line; do sleep 0.01; done"])
    kept.send(b"o")
    leader = kept.wait_for("started")["pid"]
    kept.wait_for("playing")
    kept.keeper.send_signal(signal.SIGSTOP)
    os.close(read)
    wait_until(lambda: state_of(leader) == "Z")
    kept.abandon()
    kept.keeper.send_signal(signal.SIGCONT)
    kept.keeper.wait(60)

    [exited] = kept.events("exit")
    assert (exited["signalled"], exited["orphaned"]) == ([], True)


def test_a_gate_does_not_open_after_a_stop(start, tmp_path):
    touched = tmp_path / "touched"
    kept = start().order(["/bin/touch", str(touched)])
    kept.send(b"so")

    assert kept.wait_for_end()["never_started"] is True
    assert not touched.exists()


def test_started_tells_who_leads(start):
    kept = start().play(child("obedient"))
    started = kept.wait_for("started")

    assert started["keeper"] == kept.keeper.pid
    assert started["pgid"] == started["pid"] == os.getsid(started["pid"])
    assert started["created"] == int(stat_of(started["pid"])[19])
    kept.send(b"k")
    kept.wait_for_end()
    assert kept.living() == []


def test_a_leader_inherits_nothing_of_its_keeper(tmp_path, start):
    # as under nohup, in an RQ worker, or behind a shell's &
    deaf = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in deaf}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    umask = os.umask(0o027)
    try:
        kept = start()
    finally:
        os.umask(umask)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
    kept.order(child("reporting")).send(b"o")
    code = kept.wait_for_end()["code"]
    found = json.loads(kept.printed.read_text())

    assert code == 0
    assert found == {
        "ignored": [],
        "blocked": [],
        "leads": True,
        "open": [0, 1, 2],
        "input": "/dev/null",
        "locks": (int(kept.installation, 16) & 0x7FFFFFFF) << 32 | 12,
        "umask": 0o027,
    }


def test_a_keeper_may_have_its_pipes_as_standard_input_and_output(tmp_path):
    order = {
        "run": 12,
        "installation": "00ff00ff",
        "grace": 1,
        "record": str(tmp_path / "record"),
        "order": {"argv": ["/bin/echo", "hello"], "environment": {}},
    }
    with subprocess.Popen(
        [*child("keeper"), "0", "2", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as keeper:
        keeper.stdin.write(json.dumps(order).encode() + b"\no")
        keeper.stdin.flush()
        output, status = keeper.stdout.read(), keeper.stderr.read()

    assert output == b"hello\n"
    assert [json.loads(line)["event"] for line in status.splitlines()] == [
        "started",
        "playing",
        "exit",
        "gone",
    ]


def test_the_pipe_carries_what_the_record_keeps(start):
    kept = start().order(child("obedient"))
    kept.send(b"ok")
    kept.wait_for_end()
    with open(kept.status, "rb", closefd=False) as status:
        told = [json.loads(line) for line in status.read().splitlines()]

    assert told == kept.events()
    assert kept.record.stat().st_mode & 0o777 == 0o600


def test_the_output_ends_with_its_last_writer(start):
    read, write = os.pipe()
    kept = start(output=write).order(["/bin/echo", "the end"])
    kept.send(b"o")
    with open(read, "rb") as output:
        assert output.read() == b"the end\n"  # returns at all: neither keeper nor gate holds it
    kept.wait_for_end()


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["/bin/sh", "-c", "exit 0"], 0),  # went well
        (["/bin/sh", "-c", "exit 2"], 2),  # ansible: a host failed
        (["/bin/sh", "-c", "kill -TERM $$"], -15),  # a signal not of ours
    ],
)
def test_a_normal_end_is_told_as_it_was(start, argv, code):
    kept = start().order(argv)
    kept.send(b"o")

    assert kept.wait_for_end() == {
        "event": "exit",
        "code": code,
        "signalled": [],
        "never_started": False,
        "orphaned": False,
    }
    assert kept.signals() == []


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        ({"error": "no such host"}, [("internal", "ValueError: no such host")]),  # lead raised
        ({}, []),  # lead returned
    ],
)
def test_a_leader_that_leads_nothing_ends(start, order, refused):
    kept = start().order([], **order)
    kept.send(b"o")

    assert kept.wait_for_end()["code"] == 70
    assert [(event["code"], event["message"]) for event in kept.events("refused")] == refused


def test_orphans_are_collected_while_the_run_goes_on(start):
    kept = start().play(child("orphaning", 100))

    wait_until(lambda: children_of(kept.keeper.pid) == ["S"])  # the leader alone: nobody defunct
    kept.send(b"k")
    kept.wait_for_end()
    assert kept.living() == []


def test_a_waiting_keeper_never_wakes(start):
    kept = start().play(child("obedient"))
    switches = context_switches(kept.keeper.pid)
    other = start().play(child("orphaning", 50))  # meanwhile something else happens
    other.send(b"k")
    other.wait_for_end()

    assert context_switches(kept.keeper.pid) == switches
    kept.send(b"k")
    kept.wait_for_end()
    assert kept.living() == []


def context_switches(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("voluntary"))


def test_a_runner_that_reads_nothing_hangs_no_keeper(start):
    kept = start()
    fill(kept)
    kept.play(child("stubborn"), grace=0.2)
    kept.send(b"s")

    assert kept.wait_for_end()["code"] == -9
    assert kept.living() == []


def fill(kept: Kept) -> None:
    """Fill the status pipe through the keeper's own end of it."""
    ends = [
        path
        for path in Path(f"/proc/{kept.keeper.pid}/fd").iterdir()
        if os.readlink(path) == os.readlink(f"/proc/self/fd/{kept.status}")
    ]
    writer = os.open(ends[0], os.O_WRONLY | os.O_NONBLOCK)
    for size in (65536, 4096, 1):
        try:
            while True:
                os.write(writer, b"." * size)
        except BlockingIOError:
            continue
    os.close(writer)


def test_a_full_disk_stops_no_keeper(start):
    kept = start()
    kept.record = Path("/dev/full")
    kept.order(child("obedient")).send(b"ok")

    assert kept.keeper.wait(60) == 0
    with open(kept.status, "rb", closefd=False) as status:
        assert json.loads(status.read().splitlines()[-1])["event"] == "gone"
    assert kept.living() == []


def test_forty_stops_leave_no_descriptor_and_no_process(start):
    open_before = len(os.listdir("/proc/self/fd"))
    children_before = len(children_of(os.getpid()))  # the services, without xdist
    ours = secrets.token_hex(4)
    for number in range(40):
        kept = start(installation=ours).order(child("forking", 2))
        kept.send(b"o")
        kept.send(b"sk" if number % 2 else b"k")
        kept.wait_for_end()
        kept.abandon()

    assert kept.living() == []
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert len(children_of(os.getpid())) == children_before
