"""Makes as many orphans as it was told; each ends at once."""

import os
import sys
import time

for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.01)
        os._exit(0)
    os.wait()
print("ready", flush=True)
time.sleep(120)
