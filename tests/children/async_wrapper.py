"""As ansible's async_wrapper: daemonises by two forks, watches a child in a group of its own.

async_wrapper.py JID LIMIT PROGRAM ...: runs PROGRAM, in a session that is not that of its caller.
As the real one it does not return before the job is under way.
"""

import os
import subprocess
import sys

under_way, start = os.pipe()
if os.fork() > 0:
    os.close(start)
    os.read(under_way, 1)  # nothing comes: its end tells
    os._exit(0)
os.setsid()
if os.fork() > 0:
    os._exit(0)
nowhere = os.open(os.devnull, os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(nowhere, descriptor)
below = os.fork()
if below == 0:
    os.setpgid(0, 0)
    with subprocess.Popen(sys.argv[3:]):
        os.close(start)
    os._exit(0)
os.close(start)
os.waitpid(below, 0)
