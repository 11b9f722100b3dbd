"""The embedded Valkey: on a Unix socket only, each write appended to a file."""

from pathlib import Path
from urllib.parse import quote

from app.bootstrap import binaries
from app.bootstrap.service import Service, accepts, end_predecessor


def prepare(folder: Path, sockets: Path, *settings: str) -> Service:
    """Describe the server that keeps its files in *folder*. *settings* as on its command line."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path, pid_file = sockets / "redis.sock", folder / "redis.pid"
    end_predecessor(pid_file, folder, "redis")
    sockets_only = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "600"]
    files = ["--dir", str(folder), "--pidfile", str(pid_file), "--appendonly", "yes"]
    return Service(
        name="redis",
        command=[str(binaries.valkey_server()), *sockets_only, *files, *settings],
        url=f"unix://{quote(str(path))}?db=0",
        log=folder.with_suffix(".log"),
        is_ready=lambda pid: _is_ready(path, pid_file, pid),
    )


def _is_ready(path: Path, pid_file: Path, pid: int) -> bool:
    # While it loads its file it answers -LOADING.
    is_ours = pid_file.exists() and pid_file.read_text().strip() == str(pid)
    return is_ours and accepts(path, b"PING\r\n") == b"+PONG\r\n"
