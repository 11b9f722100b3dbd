"""Ends when asked by SIGINT, with ansible's exit code, and leaves what it had started behind."""

import os
import signal
import sys
import time
from types import FrameType


def leave(number: int, frame: FrameType | None) -> None:
    os._exit(99)


if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    time.sleep(120)
signal.signal(signal.SIGINT, leave)
time.sleep(120)
