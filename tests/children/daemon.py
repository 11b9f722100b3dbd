"""Starts a daemon by the book (two forks, own session, empty environment, cwd /), and stays."""

import os
import time


def detach() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.execve("/bin/sleep", ["sleep", "120"], {})
        os._exit(0)
    os.wait()


detach()
print("ready", flush=True)
time.sleep(120)
