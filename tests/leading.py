"""Orders for a real leader, and what a run of one has left behind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.command import control_path
from runner.mark import mark
from tests.repositories import Repository
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
INSTALLATION = os.urandom(4).hex()
LOCAL = "localhost ansible_connection=local\n"

Order = dict[str, Any]
Condition = Callable[[], object]


@dataclass(frozen=True)
class Ended:
    """What a run has left: its status lines by event, and its output."""

    events: dict[str, dict[str, Any]]
    output: str


def make_order(tmp_path: Path, repository: Repository) -> Order:
    """Order site.yml of *repository*, in a directory of its own below *tmp_path*."""
    directory = tmp_path / "runs" / "12-ab12"
    directory.mkdir(mode=0o700, parents=True)
    home = tmp_path / "home"
    home.mkdir()
    return {
        "run": 12,
        "template": "deploy",
        "installation": INSTALLATION,
        "directory": str(directory),
        "cache": str(tmp_path / "git"),
        "galaxy": str(tmp_path / "galaxy"),
        "galaxy_age": 86_400.0,
        "requirements": True,
        "playbook": {"repository": repository.url, "ref": "main", "path": "site.yml"},
        "inventory": {"content": LOCAL},
        "vars": {"greeting": "{{ 6 * 7 }}"},
        "accepted": {},
        "options": {},
        "environment": {},
        "pinned": {"playbook": None, "inventory": None},
        "access": {"playbook": None, "inventory": None},
        "credentials": [],
        "ansible_playbook": str(PROGRAMS / "ansible-playbook"),
        "base_environment": {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"},
        "mark": mark(12, INSTALLATION),
        "protocols": ["file"],
        "only_hosts": None,
        "leave_async": False,
        "start": "cold",
    }


def remove_sockets(tmp_path: Path) -> None:
    """Remove what the runs below *tmp_path* have outside of it."""
    for used in (tmp_path / "runs").iterdir():
        shutil.rmtree(control_path(used), ignore_errors=True)


def again(order: Order, which: int = 2) -> Order:
    """Give a further run of one test a directory of its own."""
    directory = Path(f"{order['directory']}-{which}")
    directory.mkdir(mode=0o700)
    return order | {"directory": str(directory)}


def run(
    order: Order,
    stop_when: Condition | None = None,
    *,
    umask: int = -1,
    grace: float = 1.0,
    **environ: str,
) -> Ended:
    """Let a keeper lead *order*, stop it when asked to, and wait until its family is gone."""
    (control_end, control), (status, status_end), (output, output_end) = (
        os.pipe() for _ in range(3)
    )
    theirs = (control_end, status_end, output_end)
    keeper = subprocess.Popen(
        [sys.executable, "-P", "-m", "runner.leader", *map(str, theirs)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        pass_fds=theirs,
        cwd=ROOT,
        umask=umask,
    )
    for descriptor in theirs:
        os.close(descriptor)
    record = Path(f"{order['directory']}.jsonl")
    file = Path(f"{order['directory']}.json")
    file.write_text(json.dumps(order))
    letter = {
        "run": order["run"],
        "installation": INSTALLATION,
        "grace": grace,
        "record": str(record),
        "order": {"file": str(file)},
    }
    with os.fdopen(control, "wb") as wire, os.fdopen(output, "rb") as said, os.fdopen(status):
        wire.write(json.dumps(letter).encode() + b"\no")
        wire.flush()
        if stop_when:
            wait_until(stop_when)
            wire.write(b"s")
            wire.flush()
        printed = said.read().decode()
        assert keeper.wait(PATIENCE) == 0  # it ends when wait() has said ECHILD: nobody lives
    lines = map(json.loads, record.read_text().splitlines())
    return Ended({line["event"]: line for line in lines}, printed)


def message(ended: Ended) -> Any:
    """Return what the playbook's only task printed of its variable."""
    line = next(line for line in ended.output.splitlines() if '"msg": ' in line)
    return json.loads(json.loads(f"{{{line}}}")["msg"])


def marked_processes() -> list[str]:
    """List who carries the mark of this module's runs."""
    living = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"CURTAIN_INSTALLATION={INSTALLATION}".encode() in environ:
            living.append(process.name)
    return living
