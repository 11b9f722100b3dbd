"""Is somebody else every millisecond: forks, the child takes a session of its own, the parent ends.

Deaf to what can be ignored, and seldom to be seen by who lists processes: each of them adds a byte
to the file it was given.
"""

import os
import signal
import sys
import time

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
footprints = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
end = time.monotonic() + 120
while time.monotonic() < end:
    os.write(footprints, b".")
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    time.sleep(0.001)
