"""Output as fast as a playbook can print it, beside `ansible-playbook | cat` of the same."""

import subprocess
import time
from pathlib import Path

from tests.bench.figures import Figure, Spread
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.playbooks import CONFIG, HELLO
from tests.repositories import Repository

LINE = b"ok: [web-%08d.example.org] => (item=something of the usual length of a line)"
REPETITIONS = 3
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
    """Time whole runs: their start is small beside so much output."""
    with open_stack() as stack:
        tree = stack.declare(HELLO)
        plugin = FLOODING.format(line=LINE, megabytes=size.flood)
        Repository(tree).commit({"plugins/noise.py": plugin, "ansible.cfg": CONFIG})
        pairs = [(_ours(stack), _floor(stack, tree)) for _ in range(REPETITIONS)]
    ours, floors = ([size.flood / seconds for seconds in each] for each in zip(*pairs, strict=True))
    return [
        Figure(
            what=f"{size.flood} MB of output, from claim to final row",
            unit="MB/s",
            ours=Spread(sorted(ours)[REPETITIONS // 2], None, REPETITIONS),
            floor=Spread(sorted(floors)[REPETITIONS // 2], None, REPETITIONS),
        )
    ]


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
    """The bare command into `cat`, in the same directory."""
    began = time.monotonic()
    command = [str(stack.ansible), "--inventory=hosts", "site.yml"]
    with subprocess.Popen(command, cwd=tree, env=stack.environ, stdout=subprocess.PIPE) as playing:
        subprocess.run(["cat"], stdin=playing.stdout, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began
