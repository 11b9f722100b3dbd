"""SIGTERM at the edges: while a process waits to begin, and while Python is about to end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.runners import ROOT
from tests.waiting import wait_until

#: Is told a second time when the interpreter has put its own handlers away and clears its modules.
LATE = """
import os, signal, sys
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)
late = Late()
sys.argv[1:] = {arguments}
from {module} import {main}
sys.exit({main}())
"""
GUNICORN = ["-c", "python:app.gunicorn_conf", "app.wsgi:app"]


def catches(pid, number):
    """Whether a process has a handler of its own for a signal, or waits for it.

    Who waits unblocks it in its own thread, and the others do not.
    """
    threads = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/status")]
    return any(
        int(status.partition(name)[2].split()[0], 16) >> (number - 1) & 1
        for status in threads
        for name in ("SigCgt:", "SigBlk:")
    )


@pytest.mark.parametrize(
    ("module", "main", "arguments", "word"),
    [
        ("runner.__main__", "main", [], "slots"),  # its loop has begun
        ("runner.watchdog", "main", [], ""),
        ("gunicorn.app.wsgiapp", "run", GUNICORN, "Listening"),
    ],
    ids=["runner", "watchdog", "web"],
)
def test_a_second_sigterm_at_the_very_end_changes_no_exit_code(
    bench, tmp_path, module, main, arguments, word
):
    log = tmp_path / "log"
    place = {"HOST": "127.0.0.1", "PORT": str(free_port()), "WEB_CONCURRENCY": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", LATE.format(module=module, main=main, arguments=arguments)],
            cwd=ROOT,
            env={**os.environ, **bench.environ, **place},
            stdout=out,
            stderr=out,
        )
    wait_until(lambda: word in log.read_text())
    wait_until(lambda: catches(process.pid, signal.SIGTERM))

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=40) == 0, log.read_text()


@pytest.mark.parametrize("away", ["Postgres", "Redis"])
def test_a_runner_that_still_waits_for_a_service_leaves_at_once(bench, start, away):
    """By a handler: in a container, as the first process, it has no other way to hear."""
    nowhere = {"Postgres": "postgresql://a@127.0.0.1:1/a", "Redis": "redis://127.0.0.1:1/0"}
    name = {"Postgres": "DATABASE_URL", "Redis": "REDIS_URL"}[away]
    runner = start(**{name: nowhere[away]})
    wait_until(lambda: f"waiting for {away}" in runner.log.read_text())

    assert runner.terminate() == 0
