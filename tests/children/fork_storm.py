"""Forks as a tree, deaf to SIGTERM, faster than it can be watched: 2 ** depth processes."""

import os
import signal
import sys
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.write(1, b"ready\n")
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.setsid()
    time.sleep(0.005)
time.sleep(120)
