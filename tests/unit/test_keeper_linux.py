"""Looking at processes and signalling exactly the one that was seen."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import linux
from runner.descent import Descent
from runner.linux import Sent
from tests.waiting import wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A child with a child in a session of its own."""
    with subprocess.Popen(
        ["/bin/sh", "-c", "setsid sleep 60 & echo; wait"], stdout=subprocess.PIPE
    ) as shell:
        shell.stdout.readline()
        wait_until(lambda: commands_below(shell.pid) == ["sleep 60"])
        yield shell
        for pid in linux.descendants(shell.pid):
            os.kill(pid, signal.SIGKILL)
        shell.kill()


def commands_below(pid: int) -> list[str]:
    return [linux.command(below) for below in linux.descendants(pid)]


def test_a_process_is_read_as_it_is(sleeper):
    stat = linux.read(sleeper.pid)

    assert (stat.pid, stat.parent, stat.threads) == (sleeper.pid, os.getpid(), 1)
    assert (stat.group, stat.session) == (os.getpgid(0), os.getsid(0))
    assert stat.is_alive


def test_a_name_with_brackets_and_spaces_deceives_nobody(tmp_path):
    program = tmp_path / "a) S 1 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        parent = linux.read(process.pid).parent
        process.kill()

    assert parent == os.getpid()


def test_a_process_that_has_gone_is_none(sleeper):
    sleeper.kill()
    sleeper.wait()

    assert linux.read(sleeper.pid) is None
    assert linux.command(sleeper.pid) == "[]"
    assert linux.user(sleeper.pid) is None


@pytest.mark.parametrize(
    ("state", "threads", "alive"),
    [
        ("S", 1, True),
        ("D", 1, True),  # not even SIGKILL reaches it now, but it lives
        ("T", 1, True),  # stopped
        ("Z", 1, False),
        ("Z", 2, True),  # only its first thread has ended
        ("X", 0, False),
    ],
)
def test_a_zombie_is_dead_unless_a_thread_lives(state, threads, alive):
    assert linux.Stat(10, state, 1, 10, 10, threads, 0).is_alive is alive


def test_a_signal_reaches_whom_it_was_meant_for(sleeper):
    assert linux.send(linux.read(sleeper.pid), signal.SIGTERM) is Sent.REACHED
    assert sleeper.wait(60) == -signal.SIGTERM


def test_without_pidfds_signals_still_arrive(sleeper, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")

    assert linux.send(linux.read(sleeper.pid), signal.SIGTERM) is Sent.REACHED
    assert sleeper.wait(60) == -signal.SIGTERM


def test_pidfds_forbidden_by_a_sandbox_are_done_without(sleeper, monkeypatch):
    def forbid(pid: int) -> int:
        raise PermissionError(1, "seccomp")

    monkeypatch.setattr(os, "pidfd_open", forbid)

    assert linux.send(linux.read(sleeper.pid), signal.SIGTERM) is Sent.REACHED
    assert sleeper.wait(60) == -signal.SIGTERM


def test_a_number_that_was_used_again_is_not_signalled(sleeper):
    earlier = linux.read(sleeper.pid)._replace(created=linux.read(sleeper.pid).created - 1)

    assert linux.send(earlier, signal.SIGKILL) is Sent.GONE
    assert sleeper.poll() is None


def test_a_process_below_somebody_else_is_not_signalled(sleeper):
    stat = linux.read(sleeper.pid)

    assert linux.send(stat, signal.SIGKILL, parents={1}) is Sent.GONE
    assert sleeper.poll() is None
    assert linux.send(stat, signal.SIGKILL, parents={os.getpid()}) is Sent.REACHED


def test_a_dead_process_is_not_reached(sleeper):
    stat = linux.read(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert linux.send(stat, signal.SIGINT) is Sent.GONE  # a zombie yet
    sleeper.wait()
    assert linux.send(stat, signal.SIGINT) is Sent.GONE


@pytest.mark.parametrize("pid", [1, 0, -1])
def test_pid_1_and_groups_are_never_signalled(pid, monkeypatch):
    monkeypatch.setattr(os, "pidfd_open", pytest.fail)
    monkeypatch.setattr(os, "kill", pytest.fail)

    assert linux.send(linux.Stat(pid, "S", 0, 1, 1, 1, 0), signal.SIGCONT) is Sent.GONE


def test_descendants_are_found_in_any_session(tree):
    assert commands_below(tree.pid) == ["sleep 60"]
    (child,) = linux.descendants(tree.pid)
    everyone = list(linux.descendants(os.getpid()))
    assert everyone.index(tree.pid) < everyone.index(child)  # parents first


def test_where_the_kernel_lists_children_only_they_are_read(tree, tmp_path, monkeypatch):
    """Show a real tree as a kernel with CONFIG_PROC_CHILDREN would."""
    (child,) = linux.descendants(tree.pid)
    mirror(tmp_path, os.getpid(), [tree.pid])
    mirror(tmp_path, tree.pid, [child])
    mirror(tmp_path, child, [])
    (tmp_path / "self").symlink_to(str(os.getpid()))
    monkeypatch.setattr(linux, "PROC", str(tmp_path))

    assert list(linux.descendants(os.getpid())) == [tree.pid, child]


def mirror(proc: Path, pid: int, children: list[int]) -> None:
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (proc / str(pid) / "stat").write_bytes(Path(f"/proc/{pid}/stat").read_bytes())
    (folder / "children").write_text(" ".join(map(str, children)))


def test_a_machine_out_of_files_ends_no_keeper(monkeypatch):
    def fail(root: int) -> dict[int, linux.Stat]:
        raise OSError(23, "Too many open files in system")

    monkeypatch.setattr(linux, "descendants", fail)
    descent = Descent()

    assert descent.kill() == {}
    assert descent.rounds == 1


def test_die_with_parent_ends_who_has_lost_its_parent_already():
    code = "from runner import linux; linux.die_with_parent(1 << 22); print('alive')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (ended.returncode, ended.stdout) == (1, b"")
