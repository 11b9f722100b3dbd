"""A spawned command is to its user what a Popen is, and takes nothing over from us."""

import os
import signal
import subprocess

import pytest

from runner.spawn import Spawned


def open_here():
    return len(os.listdir("/proc/self/fd"))


def spawn(line, keep=()):
    return Spawned(["sh", "-c", line], dict(os.environ), keep)


def ask(line, keep=()):
    with spawn(line, keep) as process:
        output, errors = process.communicate(timeout=60)
    return process.returncode, output.decode(), errors.decode()


def test_what_it_prints_is_kept_apart_and_its_status_is_told():
    assert ask("echo one; echo two >&2; exit 3") == (3, "one\n", "two\n")
    assert ask("kill -9 $$") == (-signal.SIGKILL, "", "")


def test_more_than_a_pipe_takes_hangs_nobody():
    code, output, errors = ask("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero")

    assert (code, len(output), len(errors)) == (0, 300_000, 300_000)


def test_it_inherits_what_it_shall_keep_and_not_the_rest():
    kept, ours = os.pipe()
    try:
        _, there, _ = ask("ls /proc/$$/fd", keep=(kept,))
    finally:
        os.close(kept)
        os.close(ours)

    inherited = set(map(int, there.split()))
    assert kept in inherited
    assert ours not in inherited


def test_it_does_not_ignore_what_python_does():
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN

    assert ask("kill -PIPE $$")[0] == -signal.SIGPIPE


def test_it_leads_a_group_of_our_session():
    with spawn("exec sleep 300") as process:
        assert os.getpgid(process.pid) == process.pid
        assert os.getsid(process.pid) == os.getsid(0)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    "line",
    [
        "sleep 300",  # it lives
        "sleep 300 & exit 0",  # it has ended, and somebody holds its pipes
        "exec >&- 2>&-; sleep 300",  # nobody holds them, and it lives
    ],
)
def test_within_its_time_it_is_gone_or_can_still_be_killed_by_its_number(line):
    before = open_here()
    with spawn(line) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.2)
        assert process.returncode is None
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)

    assert process.returncode is not None
    assert open_here() == before


def test_a_program_that_is_not_there_leaves_nothing_open():
    before = open_here()

    with pytest.raises(FileNotFoundError):
        Spawned(["/nonexistent/git"], {}, ())

    assert open_here() == before
