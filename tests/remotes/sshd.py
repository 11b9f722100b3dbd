"""An sshd on loopback with throw-away keys."""

import contextlib
import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from tests.keys import private_key
from tests.ports import free_port
from tests.remotes.mark import MARK, MARKED
from tests.remotes.others import is_listening
from tests.waiting import wait_until


@dataclass
class Sshd:
    """An sshd that lets one key in, as the user that runs the tests."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, repository: Path, user: str | None = None) -> str:
        """The URL of a repository, for the user of the tests unless told otherwise."""
        return f"ssh://{user or getpass.getuser()}@127.0.0.1:{self.port}{repository}"

    @property
    def known_hosts(self) -> str:
        """The line by which it is known."""
        return f"[127.0.0.1]:{self.port} {(self.folder / 'host.pub').read_text()}"

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text()

    def change_host_key(self) -> None:
        """Become another server at the same address."""
        self.stop()
        make_key(self.folder / "host")
        self.start()

    def start(self) -> None:
        """Listen."""
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-D", "-e", "-f", str(self.folder / "config")],
                env=MARKED,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: is_listening(self.port))

    def stop(self) -> None:
        """End it; its sessions go with their clients."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def sshd_server(folder: Path, *, protocol: int = 2) -> Iterator[Sshd]:
    """Let `user_key` of *folder* in; with *protocol* 0 git's newer ones cannot be asked for."""
    program = sshd_program()
    folder.mkdir()
    make_key(folder / "host")
    make_key(folder / "user")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(0o755, exist_ok=True)  # of Debian's sshd; of root alone
    sshd = Sshd(program, folder, free_port())
    lines = {
        "Port": sshd.port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PermitRootLogin": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": f"CURTAIN_REMOTE={MARK}",
        **({"AcceptEnv": "GIT_PROTOCOL"} if protocol else {}),
    }
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    sshd.start()
    try:
        yield sshd
    finally:
        sshd.stop()


def sshd_program() -> str:
    """Find sshd, which wants to be started by its whole path; else skip the test."""
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        pytest.skip("no sshd here: install Debian's openssh-server, it need not run")
    return found


def make_key(path: Path) -> str:
    """Make a pair of keys at *path* and return the private one."""
    private = private_key()
    opened = load_ssh_private_key(private.encode(), None)
    public = opened.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(private)
    path.with_name(f"{path.name}.pub").write_bytes(public + b"\n")
    return private
