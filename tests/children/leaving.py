"""Starts an async job, and what it is told to, and ends with an exit code.

leaving.py CODE [daemon | stubborn | stays]...: daemon leaves a daemon in its own session, stubborn
one that ignores TERM, stays waits for a signal instead of ending. The job is `sleep 120`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

code, *words = sys.argv[1:]
wrapper = str(Path(__file__).with_name("async_wrapper.py"))
subprocess.run([sys.executable, "-I", "-S", wrapper, "j12", "400", "/bin/sleep", "120"], check=True)
if "stubborn" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if {"daemon", "stubborn"} & set(words) and os.fork() == 0:
    os.setsid()
    while True:
        time.sleep(120)
print("ready", flush=True)
while "stays" in words:
    time.sleep(120)
os._exit(int(code))
