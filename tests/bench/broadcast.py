"""The floor of followers: prints the time to so many connections, again and again."""

import socket
import sys
import time

PAUSE = 0.05  # seconds


def main() -> None:
    """`python -m tests.bench.broadcast PORT CONNECTIONS LINES`."""
    port, connections, lines = map(int, sys.argv[1:])
    with socket.create_server(("127.0.0.1", port), backlog=1000) as server:
        everybody = [server.accept()[0] for _ in range(connections)]
    for _ in range(lines):
        line = b"stamp %d.\n" % time.monotonic_ns()
        for one in everybody:
            one.sendall(line)
        time.sleep(PAUSE)
    for one in everybody:
        while one.recv(16):  # until it has read everything and left
            pass


if __name__ == "__main__":
    main()
