"""`python3 -m app up`: the whole service on this machine, until Ctrl-C."""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from app.bootstrap import data, postgres, preflight, procfile, sample, service, valkey, web
from app.bootstrap.children import Child, Children
from app.bootstrap.errors import BootstrapError
from app.bootstrap.formation import Formation
from app.bootstrap.service import Service
from app.bootstrap.terminal import say
from app.bootstrap.venv import ROOT
from runner.settings import Settings
from runner.store_settings import SettingsInvalid

TOKEN = "CURTAIN_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
LONGEST_SOCKET = 103  # bytes of a Unix socket's path on the narrowest system


def run(environ: Mapping[str, str]) -> int:
    """Start everything, keep it running until a signal comes, stop everything."""
    directory = data.open_directory(Path(environ.get("CURTAIN_DATA") or ".data"))
    with (
        data.owned(directory) as lock,
        _sockets(directory) as sockets,
        Children(lock) as children,
    ):
        services = _start_services(environ, directory, sockets, children)
        environment = _environment(environ, directory, services)
        _check(environment)
        formation = _start_formation(environment, services, children)
        formation.run(_announcer(environment, directory, is_given=bool(environ.get(TOKEN))))
        say("stopping")
        is_orderly = children.guard.poll() is None
        formation.stop()
    if not is_orderly:
        raise BootstrapError("the guard was killed, so everything was stopped: start again")
    say("everything has stopped")
    return 0


@contextlib.contextmanager
def _sockets(directory: Path) -> Iterator[Path]:
    """Give a directory for sockets whose paths the system accepts, for this user only."""
    sockets = directory / "sockets"
    if len(os.fsencode(sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
        sockets.mkdir(mode=0o700, exist_ok=True)
        yield sockets
    else:
        with tempfile.TemporaryDirectory(prefix="curtain-") as short:
            yield Path(short)


def _start_services(
    environ: Mapping[str, str], directory: Path, sockets: Path, children: Children
) -> list[tuple[Service, Child]]:
    """Start what the environment does not give, side by side, and wait for it."""
    services: list[Service] = []
    if not environ.get("DATABASE_URL"):
        services.append(postgres.prepare(directory / "postgres", sockets, children))
    if not environ.get("REDIS_URL"):
        services.append(valkey.prepare(directory / "redis", sockets))
    started = [(each, service.start(each, children)) for each in services]
    for each, child in started:
        service.wait_until_ready(each, child)
        say(f"{each.name} answers")
    return started


def _environment(
    environ: Mapping[str, str], directory: Path, services: list[tuple[Service, Child]]
) -> dict[str, str]:
    """Tell the processes what a platform would tell them."""
    variables = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
    given = {name: value for name, value in environ.items() if value}
    defaults = {
        "HOST": preflight.host(environ),
        "PORT": str(preflight.port(environ)),
        "RUNNER_DRAIN": "1",  # seconds; who presses Ctrl-C does not want to wait for runs
        TOKEN: data.kept_secret(directory / "admin-token"),
        "CURTAIN_SECRET_KEY": data.kept_secret(directory / "secret-key"),
    }
    ours = {
        "CURTAIN_DATA": str(directory),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    return defaults | given | ours | {variables[each.name]: each.url for each, _ in services}


def _check(environment: dict[str, str]) -> None:
    """Raise BootstrapError for what every process would refuse."""
    try:
        Settings.from_environ(environment)
    except SettingsInvalid as error:
        raise BootstrapError(str(error)) from None


def _start_formation(
    environment: dict[str, str], services: list[tuple[Service, Child]], children: Children
) -> Formation:
    lines = procfile.parse((ROOT / "Procfile").read_text())
    _release(lines.pop(procfile.RELEASE), environment, children)
    formation = Formation(children)
    for each, child in services:
        formation.add(each.name, partial(service.start, each, children), child)
    for name, line in lines.items():
        formation.add(name, partial(_start_process, children, line, environment))
    return formation


def _start_process(children: Children, line: str, environment: dict[str, str]) -> Child:
    return children.start(
        "app", procfile.shell(line), env=environment, cwd=ROOT, output=subprocess.PIPE
    )


def _release(line: str, environment: dict[str, str], children: Children) -> None:
    child = children.start("app", procfile.shell(line), env=environment, cwd=ROOT)
    if children.finish(child) != 0:
        raise BootstrapError(f"`{line}` failed: see above")


def _announcer(
    environment: dict[str, str], directory: Path, *, is_given: bool
) -> Callable[[], None]:
    """Make what is called until the web answers, and then says once how to use it."""
    host, port = environment["HOST"], environment["PORT"]
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared
    sample.make_repository(directory / "sample")
    said: list[bool] = []

    def announce() -> None:
        if not said and web.is_answering(address):
            said.append(True)
            _announce(address, environment[TOKEN], directory, is_given=is_given)

    return announce


def _announce(address: str, token: str, directory: Path, *, is_given: bool) -> None:
    """Say how to use it. A token that was given is in a variable, ours is in a file."""
    file = directory / "admin-token"
    shown = Path(os.path.relpath(file)) if file.is_relative_to(ROOT) else file
    in_shell = f"${TOKEN}" if is_given else f"$(cat {shlex.quote(str(shown))})"
    number = web.last_run(address, token) + 1
    lines = sample.curl_lines(address, in_shell, directory / "sample", number)
    say(f"Curtain answers at {address} in a browser too (its calls are at {address}/docs)")
    say(f"admin token: as {TOKEN} gives it" if is_given else f"admin token: {token} (in {shown})")
    say("declare a template, run it, stop it:\n\n  " + "\n\n  ".join(lines) + "\n")
