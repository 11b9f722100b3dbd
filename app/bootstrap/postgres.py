"""The embedded Postgres: one cluster, on a Unix socket only."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from app.bootstrap import binaries
from app.bootstrap.children import Children
from app.bootstrap.errors import BootstrapError
from app.bootstrap.service import Service, accepts, end_predecessor

NOBODY = 65534

#: Postgres refuses to run as root. This keeps root's way into directories of root only (the
#: capability), so that nothing above the data must be opened for others; without the securebit
#: access(2), which initdb uses, would not honour it. From util-linux, essential on Debian.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--securebits=+no_setuid_fixup",
)


def url_at(sockets: Path | str) -> str:
    """Write the URL of the server whose socket is in a directory."""
    return f"postgresql://curtain@/postgres?host={quote(str(sockets), safe='')}"


def running_url(folder: Path) -> str | None:
    """The URL of the server that runs on the cluster in *folder*. None: none does."""
    try:
        # Line 5 is the socket's directory: src/include/utils/pidfile.h
        return url_at((folder / "postmaster.pid").read_text().splitlines()[4])
    except (FileNotFoundError, IndexError):
        return None


def prepare(folder: Path, sockets: Path, children: Children, *settings: str) -> Service:
    """Describe the server of the cluster in *folder*; make the cluster first if there is none.

    *settings* are of the form name=value.
    """
    if not (folder / "PG_VERSION").exists():
        _make_cluster(folder, children)
    return Service(
        name="postgres",
        command=[*_as_nobody(), *_server(folder, sockets), *_options(settings)],
        url=url_at(sockets),
        log=folder.with_suffix(".log"),
        is_ready=lambda pid: _is_ready(folder, sockets, pid),
        environment={**os.environ, **_stale_lock(folder)},
    )


def _as_nobody() -> tuple[str, ...]:
    return AS_NOBODY if os.geteuid() == 0 else ()


def _server(folder: Path, sockets: Path) -> list[str]:
    major = int((folder / "PG_VERSION").read_text())
    programs = binaries.postgres_programs()
    if major not in programs:
        raise BootstrapError(
            f"{folder} was made by Postgres {major}, here is {max(programs)}: "
            f"pg_dump it with the old one, or set DATABASE_URL"
        )
    return [str(programs[major] / "postgres"), "-D", str(folder), "-h", "", "-k", str(sockets)]


def _options(settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("-c", setting)]


def _make_cluster(folder: Path, children: Children) -> None:
    """Make it beside its place and move it there: a half-made cluster is never taken for one."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    if _as_nobody():
        os.chown(part, NOBODY, NOBODY)
    major, programs = max(binaries.postgres_programs().items())
    # The wheels are built without ICU and must not depend on the machine's locales.
    locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--no-locale"]
    options = ["--username=curtain", "--auth=trust", "--encoding=UTF8", "--no-sync", *locale]
    command = [*_as_nobody(), str(programs / "initdb"), "-D", str(part), *options]
    child = children.start("app", command, output=subprocess.PIPE)
    words = b"".join(child.process.stdout or ())
    if children.finish(child) != 0:
        raise BootstrapError(
            f"{words.decode(errors='replace')}initdb failed: see above, or set DATABASE_URL"
        )
    part.rename(folder)


def _stale_lock(folder: Path) -> dict[str, str]:
    """Make postgres take a killed predecessor's postmaster.pid for what it is.

    It refuses to start while the number written there lives, although another program may have
    it by now (in a container, most often). It excepts the one in this variable, which pg_ctl
    sets; to remove the file would also switch off its look for surviving backends.
    """
    stranger = end_predecessor(folder / "postmaster.pid", folder, "postgres")
    return {"PG_GRANDPARENT_PID": str(stranger)} if stranger else {}


def _is_ready(folder: Path, sockets: Path, pid: int) -> bool:
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    # Line 1 is the number, line 8 the state: src/include/utils/pidfile.h
    is_ours = len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return is_ours and accepts(sockets / ".s.PGSQL.5432") is not None
