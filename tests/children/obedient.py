"""Ends at the first signal, like most programs."""

import time

print("ready", flush=True)
time.sleep(120)
