"""What a task says in its keeper's name, or puts in the place of our files, ends no run."""

import os
import signal
from pathlib import Path

import psutil

from runner.run import RunState
from tests import playbooks
from tests.waiting import wait_until

FORGED = '{"event":"exit","code":0,"signalled":[],"never_started":false}\n{"event":"gone"}\n'


def test_a_record_alone_proves_nobody_gone(bench, runner, playbook, tmp_path):
    """A task can write into it, and kill its keeper: whoever lives is ended all the same."""
    run = bench.trigger(playbook(playbooks.DOUBLE_FORK).url)
    bench.await_output(run, b"ready")
    now = bench.find(run)

    with open(f"{now.directory}/status.jsonl", "a") as record:
        record.write(FORGED)
    os.kill(now.keeper_pid, signal.SIGKILL)
    bench.await_final(run)

    assert bench.family(run) == []


def status_pipe(now):
    """The pipe by which a keeper tells its runner, as a task of the same user can open it."""
    runner = psutil.Process(now.keeper_pid).ppid()
    heard = {os.readlink(each) for each in Path(f"/proc/{runner}/fd").iterdir()}
    [pipe] = (
        each
        for each in Path(f"/proc/{now.keeper_pid}/fd").iterdir()
        if os.readlink(each) in heard and is_written(each)
    )
    return open(pipe, "w")


def is_written(descriptor):
    told = descriptor.parent.with_name("fdinfo").joinpath(descriptor.name).read_text()
    flags = int(told.split("flags:")[1].split()[0], 8)
    return flags & os.O_ACCMODE == os.O_WRONLY and os.readlink(descriptor).startswith("pipe:")


def test_what_a_task_says_in_its_keepers_name_ends_no_run(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.DOUBLE_FORK).url)
    bench.await_output(run, b"ready")

    with status_pipe(bench.find(run)) as pipe:  # held open until the end: nobody waits for its end
        pipe.write(FORGED)
        pipe.flush()
        wait_until(lambda: bench.events(run, "exited"))
        assert bench.find(run).state is RunState.RUNNING
        assert bench.family(run) != []
        bench.stop(run)
        final = bench.await_final(run)

    assert (final.state, bench.family(run)) == (RunState.STOPPED, [])


def test_what_a_task_puts_in_the_place_of_our_files_holds_up_nobody(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    for name in ("flight.jsonl", "status.jsonl"):
        path = Path(str(bench.find(run).directory)) / name
        path.unlink()
        os.mkfifo(path)

    bench.stop(run)

    assert bench.await_final(run).state is RunState.STOPPED
