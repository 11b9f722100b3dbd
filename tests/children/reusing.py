"""Gives the number of a process that has ended to another one, and signals the first.

In a PID namespace of its own, whose numbers it may choose. Prints what became of the signal and
whether the stranger lives.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from runner import linux

LAST = Path("/proc/sys/kernel/ns_last_pid")

first = subprocess.Popen(["/bin/sleep", "300"])
seen = linux.read(first.pid)
assert seen is not None
first.kill()
first.wait()
ticks = os.sysconf("SC_CLK_TCK")  # the time of a creation is told in those: let one pass
while time.clock_gettime(time.CLOCK_BOOTTIME) * ticks < seen.created + 2:
    time.sleep(0.01)
LAST.write_text(str(seen.pid - 1))
stranger = subprocess.Popen(["/bin/sleep", "300"])
assert stranger.pid == seen.pid, (stranger.pid, seen.pid)
sent = linux.send(seen, signal.SIGKILL)
print(sent.value, "alive" if stranger.poll() is None else "dead")
stranger.kill()
stranger.wait()
