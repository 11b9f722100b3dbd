"""What must be true of the machine before anything is started."""

import os
import shutil
import socket
from collections.abc import Mapping

from app.bootstrap.errors import BootstrapError


def host(environ: Mapping[str, str]) -> str:
    """Where the web listens: this machine only, unless HOST says otherwise."""
    return environ.get("HOST") or "127.0.0.1"


def port(environ: Mapping[str, str]) -> int:
    """Read PORT. Raise BootstrapError when it is no port."""
    text = environ.get("PORT") or "8000"
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise BootstrapError(f"PORT is {text!r}: set it to a number from 1 to 65535")
    return int(text)


def check(environ: Mapping[str, str]) -> None:
    """Raise BootstrapError unless git is there and the port is free."""
    if not shutil.which("git"):
        raise BootstrapError("git is missing: install it (Debian: `apt-get install git`)")
    _check_port(host(environ), port(environ))


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BootstrapError(
                f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): "
                "stop what listens there, or choose another with PORT=8001"
            ) from error
