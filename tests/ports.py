"""Ports for servers of tests."""

import random
import socket
from pathlib import Path

FIRST = 10_000
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Choose a port that nobody listens at, and that the kernel gives to no connection meanwhile.

    What it chooses for port 0 it may give to the next connection, before the server has come up
    or while it is started again (seen: two of 94 tests).
    """
    last = int(RANGE.read_text().split()[0]) - 1
    chosen = random.SystemRandom()
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", chosen.randint(FIRST, last)))
            except OSError:
                continue
            return int(probe.getsockname()[1])
