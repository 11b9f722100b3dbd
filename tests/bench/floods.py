"""Output as fast as a playbook can print it, and what it does to the runner and to others."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.figures import Figure, Spread, times
from tests.bench.follows import follow
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.bench.stops import stop
from tests.playbooks import CONFIG, HELLO
from tests.repositories import Repository
from tests.waiting import wait_until

LINE = b"ok: [web-%08d.example.org] => (item=something of the usual length of a line)"
REPETITIONS = 3
ENDLESS = 1_000_000  # MB
GLANCE = 0.02  # seconds between two looks at the runner's memory
#: Prints lines of some length until it was so many bytes.
FLOODING = """
import os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "noise"

    def v2_playbook_on_start(self, playbook):
        lines = b"".join({line!r} % n + b"\\n" for n in range(10_000))
        for _ in range({megabytes} * 1_000_000 // len(lines) + 1):
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(1, rest):]
"""


def measure(size: Size) -> list[Figure]:
    """Time whole runs: their start is small beside so much output. Then disturb others by one."""
    # Cold, as its floor is.
    with open_stack(CURTAIN_OUTPUT_LIMIT=str(10**12), RUNNER_START="cold") as stack:
        quiet = follow(stack, 1, size.lines)
        tree = _declare(stack, size.flood)
        pairs, growth = [], []
        for _ in range(REPETITIONS):
            with _growing(stack) as grown:
                ours = _ours(stack)
            pairs.append((ours, _floor(stack, tree)))
            growth.append(grown[0])
        beside, force, graceful = _disturb(stack, size)
    ours, floors = ([size.flood / seconds for seconds in each] for each in zip(*pairs, strict=True))
    return [
        Figure(
            what=f"{size.flood} MB of output, from claim to final row",
            unit="MB/s",
            ours=Spread(sorted(ours)[REPETITIONS // 2], None, REPETITIONS),
            floor=Spread(sorted(floors)[REPETITIONS // 2], None, REPETITIONS),
        ),
        Figure(
            what="  … by which the runner grew at most",
            unit="MB",
            ours=Spread.one(max(growth)),
        ),
        times("a line printed → read, while another run floods", beside, quiet),
        times("force → row final, of a run that floods", force),
        times("stop → row final, of a run that floods", graceful),
    ]


def _declare(stack: Stack, megabytes: int) -> Path:
    tree = stack.declare(HELLO)
    plugin = FLOODING.format(line=LINE, megabytes=megabytes)
    Repository(tree).commit({"plugins/noise.py": plugin, "ansible.cfg": CONFIG})
    return tree


@contextmanager
def _growing(stack: Stack) -> Iterator[list[float]]:
    """Tell by how many MB the runner has grown at most, when it is over."""
    runner, grown, is_over = psutil.Process(stack.runner), [0.0], threading.Event()
    before = runner.memory_info().rss

    def look() -> None:
        while not is_over.wait(GLANCE):
            grown[0] = max(grown[0], (runner.memory_info().rss - before) / 1e6)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        is_over.set()
        looking.join()


def _disturb(stack: Stack, size: Size) -> tuple[list[float], list[float], list[float]]:
    """Follow a run beside one that floods; then stop such runs, in both ways."""
    _declare(stack, ENDLESS)
    flood = _flood(stack)
    beside = follow(stack, 1, size.lines)
    stop(stack, flood, force=True)
    _declare(stack, ENDLESS)
    count = min(size.stops, 10)
    force, graceful = (
        [stop(stack, _flood(stack), force=force).final for _ in range(count)]
        for force in (True, False)
    )
    return beside, force, graceful


def _flood(stack: Stack) -> int:
    """Start a run, and wait until it floods."""
    run_id = stack.trigger_run()
    path = f"/runs/{run_id}"
    wait_until(lambda: stack.call("GET", path)["output"]["bytes"] > 10_000_000, timeout=60)
    return run_id


def _ours(stack: Stack) -> float:
    run_id = stack.trigger_run()
    deadline = time.monotonic() + 300
    while not stack.is_final(run_id):
        if time.monotonic() > deadline:
            raise RuntimeError("a run did not end")
        time.sleep(0.05)
    row = stack.conn.execute(
        """SELECT extract(epoch FROM finished_at - claimed_at)::float8 AS seconds, state,
                  output_bytes, output_complete FROM runs WHERE id = %s""",
        [run_id],
    ).fetchone()
    assert row is not None
    if row["state"] != "succeeded" or not row["output_complete"]:
        raise RuntimeError(f"the run was {row}")
    return float(row["seconds"])


def _floor(stack: Stack, tree: Path) -> float:
    """`ansible-playbook | cat` in the same directory."""
    began = time.monotonic()
    command = [str(stack.ansible), "--inventory=hosts", "site.yml"]
    with subprocess.Popen(command, cwd=tree, env=stack.environ, stdout=subprocess.PIPE) as playing:
        subprocess.run(["cat"], stdin=playing.stdout, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began
