"""git daemon, and a server that says nothing."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port
from tests.remotes.mark import MARKED
from tests.waiting import wait_until


def is_listening(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@contextlib.contextmanager
def mute_server() -> Iterator[int]:
    """Listen, take connections and say nothing; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


@contextlib.contextmanager
def git_daemon(root: Path) -> Iterator[int]:
    """Serve the repositories below *root* by git://; the port."""
    port = free_port()
    daemon = subprocess.Popen(
        [
            *("git", "daemon", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr"),
            *("--export-all", f"--base-path={root}", str(root)),
        ],
        env=MARKED,
        start_new_session=True,
    )
    try:
        wait_until(lambda: is_listening(port))
        yield port
    finally:
        daemon.terminate()
        daemon.wait()
