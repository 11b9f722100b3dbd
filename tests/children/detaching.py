"""Leaves a child in a session of its own, deaf to hang-ups, and ends with the code it was told."""

import os
import signal
import sys
import time

arrived, arrives = os.pipe()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.close(arrives)
    time.sleep(120)
os.close(arrives)
os.read(arrived, 1)
print("ready", flush=True)
sys.exit(int(sys.argv[1]))
