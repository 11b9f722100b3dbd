"""Forks as many sleepers as it was told, every second one in a session of its own."""

import os
import sys
import time

for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        if number % 2:
            os.setsid()
        time.sleep(120)
        os._exit(0)
print("ready", flush=True)
time.sleep(120)
