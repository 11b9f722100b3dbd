"""As ansible's async_wrapper: daemonises by two forks, watches a child in a group of its own.

async_wrapper.py JID LIMIT PROGRAM ...: runs PROGRAM, in a session that is not that of its caller.
"""

import os
import subprocess
import sys

if os.fork() > 0:
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
    subprocess.run(sys.argv[3:], check=False)
    os._exit(0)
os.waitpid(below, 0)
