"""Cleans up for a moment when terminated, writes "cleaned" to the file it was given, exits 0."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType


def clean_up(number: int, frame: FrameType | None) -> None:
    time.sleep(0.3)
    Path(sys.argv[1]).write_text("cleaned")
    sys.exit(0)


signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, clean_up)
print("ready", flush=True)
time.sleep(120)
