"""What our callback plugin costs a play: the same one with it and without it, in turns.

The CPU time of ansible-playbook and all that it starts, divided by the results: wall time says more
of the machine. Beside it the CPU time of the thread within the plugin itself, in which nothing else
has a part.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner.plugin import EVENTS, FLIGHT, RECAP, SITE, loaded
from tests.bench.figures import Aim, Figure, times
from tests.bench.size import Size
from tests.runners import PYTHON

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
FORKS = 20
HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"
#: Put behind a copy of the plugin: times each call, and tells the sum when that process ends.
TIMED = """
import atexit, os, time
spent = 0.0
def timed(method):
    def call(*args, **kwargs):
        global spent
        began = time.thread_time()
        try:
            return method(*args, **kwargs)
        finally:
            spent += time.thread_time() - began
    return call
def tell(path=os.environ["CURTAIN_SPENT"], pid=os.getpid()):
    if os.getpid() == pid:
        open(path, "w").write(str(spent))
atexit.register(tell)
for name in list(vars(CallbackModule)):
    if name.startswith("v2_"):
        setattr(CallbackModule, name, timed(getattr(CallbackModule, name)))
"""


def measure(size: Size) -> list[Figure]:
    """Play each in turns."""
    plays = size.callback_plays
    return [figure for hosts, tasks in plays for figure in _compare(size, hosts, tasks)]


def _compare(size: Size, hosts: int, tasks: int) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="curtain-bench-") as folder:
        play = Play(Path(folder), hosts, tasks)
        play.run(with_it=False)  # the first one compiles and caches
        pairs = [(play.run(with_it=True), play.run(with_it=False)) for _ in range(size.callbacks)]
    ours, without = zip(*pairs, strict=True)
    what = f"callback, {hosts} hosts x {tasks} tasks"
    inside = [each.inside for each in ours]
    return (
        times(f"{what}: CPU a result", [each.cpu for each in ours], [e.cpu for e in without]),
        times(f"{what}: within it a result", inside, aim=Aim("p50", 0.2)),
    )


class Cost:
    """Seconds for each result."""

    def __init__(self, cpu: float, inside: float) -> None:
        """*cpu* of all processes, and what of it was *inside* the plugin."""
        self.cpu = cpu
        self.inside = inside


class Play:
    """A project whose tasks do nothing."""

    def __init__(self, folder: Path, hosts: int, tasks: int) -> None:
        """Write it."""
        self._folder = folder
        self._results = hosts * tasks
        self._flight = folder / FLIGHT
        self._spent = folder / "spent"
        self._plugin = shutil.copytree(SITE.parent, folder / "plugin")
        with (self._plugin / "callbacks" / "curtain.py").open("a") as plugin:
            plugin.write(TIMED)
        names = (f"host{n} ansible_connection=local {PYTHON}\n" for n in range(hosts))
        (folder / "hosts").write_text("".join(names))
        lines = (f"    - debug: msg={n}\n" for n in range(tasks))
        (folder / "site.yml").write_text(HEAD + "".join(lines))

    def run(self, *, with_it: bool) -> Cost:
        """Play it to its end."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}
        self._spent.write_text("0")
        if with_it:
            for name in (FLIGHT, RECAP, EVENTS):
                (self._folder / name).write_text("")
            environment = loaded(environment, PROGRAM, self._flight)
            environment["PYTHONPATH"] = str(self._plugin / "site")
            environment["CURTAIN_SPENT"] = str(self._spent)
        arguments = [PROGRAM, "-i", "hosts", "-f", str(FORKS), "site.yml"]
        pid = os.posix_spawn(
            "/bin/sh",
            [
                "sh",
                "-c",
                'cd "$1"; shift; exec "$@" >/dev/null',
                "sh",
                str(self._folder),
                *arguments,
            ],
            environment,
        )
        _, status, used = os.wait4(pid, 0)
        if status:
            raise RuntimeError(f"ansible-playbook ended with status {status}")
        cpu = (used.ru_utime + used.ru_stime) / self._results
        return Cost(cpu, float(self._spent.read_text()) / self._results)
