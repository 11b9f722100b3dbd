"""Plays cases cold and warm, in a process that adopts keepers as a runner does.

    python -m tests.warm.player DIRECTORY

takes the name of a case and a number from each line, and answers with a line of JSON: how it ended
cold, and that many times at once from a zygote.
"""

import json
import os
import re
import shutil
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import linux, plugin, recipe, zygote_handle
from runner.command import control_path
from runner.kept import Kept
from runner.recipe import Recipe
from runner.zygote_handle import Zygote
from tests.leading import INSTALLATION, Order, make_order
from tests.repositories import Repository, make_repository
from tests.waiting import wait_until
from tests.warm.corpus import CASES, Case

#: What differs from run to run, and what stands for it.
MASKS = [
    (rb"\d+:\d\d:\d\d\.\d+", b"TIME"),
    (rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?", b"DATE"),
    (rb"\d+\.\d{3,}", b"SECONDS"),
    (rb"ansible-tmp-[\w.-]+", b"TEMPORARY"),
    (rb"ansible-local-\d+\w+", b"LOCAL"),
    # In the run's directory, or beside all where that is too long for a socket.
    (rb"(ANSIBLE_SSH_CONTROL_PATH_DIR=)[^\s\"'\\]+", rb"\1SOCKETS"),
    (rb"(\bp=|\"pid\": |\b)\d{3,12}\b", rb"\1NUMBER"),
]


@dataclass
class Player:
    """Everything that plays have in common."""

    directory: Path
    zygotes: list[Zygote] = field(default_factory=list)
    count: int = 0

    def play(self, case: Case, times: int) -> dict[str, Any]:
        """Play *case* cold once, which tells the recipe, and warm *times* at once."""
        here = self.directory / f"case-{self.count}"
        repository = make_repository(here / "repository", case.files)
        cold = self._one(here, repository, case, Kept())
        told = {"cold": cold, "warm": [], "unfit": None}
        if cold["recipe"]:
            zygote = self._zygote(recipe.read(cold.pop("recipe")))
            if isinstance(zygote, str):
                return told | {"unfit": zygote}
            with ThreadPoolExecutor(times) as pool:
                # Forked one after the other, as by a runner; they play at once.
                keepers = [Kept(zygote.fork) for _ in range(times)]
                plays = [pool.submit(self._one, here, repository, case, kept) for kept in keepers]
                told["warm"] = [play.result() for play in plays]
        return told

    def _zygote(self, wanted: Recipe) -> Zygote | str:
        """Find one of that recipe, or start it; why there can be none."""
        for zygote in self.zygotes:
            if zygote.recipe == wanted:
                return zygote
        own = self.directory / f"zygote-{self.count}"
        own.mkdir(mode=0o700)
        zygote = Zygote(wanted, own)
        reasons: list[str | None] = []
        wait_until(lambda: reasons.append(zygote.hear()) or reasons[-1] or zygote.is_ready)
        if reasons[-1]:
            zygote.close()
            return reasons[-1]
        self.zygotes.append(zygote)
        return zygote

    def _order(self, here: Path, repository: Repository, case: Case) -> Order:
        self.count += 1
        order = make_order(here / f"play-{self.count}", repository)
        path = next(name for name in ("site.yml", "deep/site.yml") if name in case.files)
        by_plugin = "own.yml" in case.files
        content = case.inventory.replace("{python}", sys.executable)
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        return order | {
            "playbook": order["playbook"] | {"path": path},
            "inventory": {"path": "own.yml"} if by_plugin else {"content": content},
            "options": case.options,
            "environment": case.environment,
            "vars": case.vars,
            "credentials": case.credentials,
            "requirements": False,
            "base_environment": order["base_environment"] | {"HOME": str(home)},
            "cache": str(self.directory / "git"),
            "start": "warm",
        }

    def _one(self, here: Path, repository: Repository, case: Case, kept: Kept) -> dict[str, Any]:
        order = self._order(here, repository, case)
        directory = Path(order["directory"])
        record, file = Path(f"{directory}.jsonl"), Path(f"{directory}.json")
        file.write_text(json.dumps(order))
        letter = {"run": order["run"], "installation": INSTALLATION, "grace": 1.0}
        kept.order(letter | {"record": str(record), "order": {"file": str(file)}})
        kept.open_gate()
        os.set_blocking(kept.output, True)
        output = b""
        while part := kept.read_output():
            output += part
        kept.process.wait(60)  # it ends when nobody is left
        kept.close()
        lines = {line["event"]: line for line in map(json.loads, record.read_text().splitlines())}
        wanted = directory / recipe.FILE
        ended = {
            "start": lines["playing"]["start"],
            "why": lines["playing"].get("why"),
            "code": lines["exit"]["code"],
            "left": lines["gone"]["left"],
            "recipe": wanted.read_text() if wanted.exists() else None,
        }
        wanted.unlink(missing_ok=True)
        ended["output"] = masked(output, directory)
        ended["files"] = contents(directory)
        shutil.rmtree(control_path(directory), ignore_errors=True)
        shutil.rmtree(directory)
        return ended


def masked(text: bytes, directory: Path) -> str:
    """Write what a play has said or made as any other would have."""
    text = text.replace(os.fsencode(directory), b"RUN").replace(
        os.fsencode(directory.parent.parent.name), b"PLAY"
    )
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text.decode(errors="surrogateescape")


#: Ours: what they tell of times and places differs. Facts do so, and the order of theirs.
TELLING = {"flight.jsonl", "events.jsonl", "modules.txt"}


def contents(directory: Path) -> dict[str, str]:
    """List all that lies in a run's directory, but for what differs each time."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = masked(os.fsencode(path.relative_to(directory)), directory)
        if path.name not in TELLING and path.parent.name != "facts":
            mode = f"{path.lstat().st_mode:o} "
            # What is compiled tells when its source was written.
            is_file = path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
            found[name] = mode + (masked(path.read_bytes(), directory) if is_file else "")
    recap = directory / plugin.RECAP
    if recap.exists() and recap.stat().st_size:  # its hosts are in the order of their ends
        found[recap.name] = json.dumps(json.loads(recap.read_text()), sort_keys=True)
    return found


def main() -> None:
    """Serve until the input ends."""
    linux.become_subreaper()
    zygote_handle.HASTE = 60.0  # who plays on a busy machine is in no hurry
    player = Player(Path(sys.argv[1]))
    cases = {case.name: case for case in CASES}
    for line in sys.stdin:
        name, times = json.loads(line)
        try:
            answer = player.play(cases[name], times)
        except Exception:
            answer = {"fault": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
    for zygote in player.zygotes:
        zygote.close()


if __name__ == "__main__":
    main()
