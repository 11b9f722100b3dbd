"""Tells of plays, tasks and results, in lines of JSON for runner/telling.py.

A file and no pipe: nobody has to read it while Ansible writes, so a runner that stands still holds
up no task, and what a dead one has not read is still there. It is opened by name, not inherited:
an inherited descriptor would be in ansible-playbook's hands, and in those of all that it starts.
A disk that is full costs lines and no task; how many is told when there is room again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from typing import Any, Dict

#: Beside the file of what is in flight; made by the leader too.
EVENTS = "events.jsonl"
PROJECT = "project"  # where the playbook's repository is, beside it
ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
SET = 64000  # characters of what set_stats has set
NAME = 2000  # characters of a name or a path
WARNINGS = 500  # that are told of one playbook, each once

SUMS = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")


class Telling:
    """Numbers plays and tasks from 1, and writes a line for whatever happens to them."""

    def __init__(self, flight: str) -> None:
        """Open the file beside *flight*. Raise OSError where there is none."""
        directory = os.path.dirname(flight)
        self._project = os.path.join(os.path.realpath(directory), PROJECT, "")
        # No O_CREAT: the leader has made it.
        path = os.path.join(directory, EVENTS)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        self._results = sibling("results")
        self._plays = self._tasks = 0
        self._play = ""
        #: Numbers of the tasks of this play, by Ansible's own ids.
        self._numbers: dict[str, int] = {}
        #: Since when each host is at work; monotonic.
        self._since: dict[str, float] = {}
        self._rescued: dict[str, int] = {}
        self._warned: set[int] = set()
        #: Lines that the disk has not taken, or that a task has taken away.
        self._missing = 0
        self._lost = 0
        #: Where our last line ended.
        self._end = 0
        self._say("start", pid=os.getpid())

    def play_began(self, play: Any) -> None:
        """Number it, and its tasks anew: the next batch of a play has results of its own."""
        self._plays += 1
        self._numbers.clear()
        self._play = shown_name(play)
        self._say("play", number=self._plays, name=self._play)

    def task_began(self, task: Any) -> None:
        """Announce it, once a play."""
        self._number(task)

    def _number(self, task: Any) -> int:
        number = self._numbers.get(task._uuid)
        if number is None:
            self._tasks += 1
            number = self._numbers[task._uuid] = self._tasks
            path = str(task.get_path() or "")
            if path.startswith(self._project):
                path = path[len(self._project) :]
            self._say(
                "task",
                number=number,
                play=self._play,
                name=shown_name(task),
                action=str(task.action),
                path=path[:NAME],
            )
        return number

    def began(self, host: str, task: Any) -> None:
        """A task is about to begin on a host."""
        self._since[host] = time.monotonic()
        self._say("began", host=host, task=self._number(task))

    def ended(self, status: str, result: Any, is_ignored: bool) -> None:
        """Tell what came of it, and of what Ansible's own recap counts only that."""
        host, task = str(result._host.name), result._task
        since = self._since.get(host)
        if status == "ok" and is_include(task):
            self._say("included", host=host)  # whether the file can be read is to be seen
            return
        told = self._results.contents(result, status)
        line: Dict[str, Any] = {"host": host, "task": self._number(task), "status": status}
        if since is not None:
            line["seconds"] = round(time.monotonic() - since, 3)
        if status != "skipped" and result.is_changed():
            line["changed"] = True
        if is_ignored:
            line["ignored"] = True
        elif status == "failed" and self._is_rescued(host):
            line["rescued"] = True
        if not self._results.is_hidden(task, told):
            self._add_content(line, task, told)
        self._say("result", **line)

    def included(self, included_file: Any) -> None:
        """Tell of the hosts whose task has brought others."""
        number = self._number(included_file._task)
        for host in map(str, included_file._hosts):
            seconds = round(time.monotonic() - self._since.get(host, time.monotonic()), 3)
            self._say("result", host=host, task=number, status="ok", seconds=seconds)

    def _add_content(self, line: Dict[str, Any], task: Any, told: Any) -> None:
        """Add what `no_log` does not hide."""
        items = self._results.items(task, told)
        if items is not None:
            line["items"] = len(items)
        if told.get("attempts", 1) != 1:
            line["attempts"] = told["attempts"]
        if line["status"] in self._results.FAILED:
            line["message"] = self._results.message(told, items)
        if task.diff and (items is not None or "diff" in told):
            diff = self._results.diff(told, items)
            if diff:
                line["diff"] = diff
        for kind in ("warnings", "deprecations"):
            if told.get(kind):
                for text in self._results.warnings(told, kind):
                    self._warn(kind[:-1], text, line)

    def _warn(self, kind: str, text: str, line: Dict[str, Any]) -> None:
        if len(self._warned) < WARNINGS and hash(text) not in self._warned:
            self._warned.add(hash(text))
            self._say(kind, host=line["host"], task=line["task"], text=text)

    def _is_rescued(self, host: str) -> bool:
        """Whether Ansible has just counted it so. What decides that it knows for a moment only."""
        counted = stats_of_the_queue().get(host, 0)
        was, self._rescued[host] = self._rescued.get(host, 0), counted
        return bool(counted > was)

    def summed_up(self, stats: Any) -> None:
        """Write the last line."""
        counts = [stats.summarize(name) for name in stats.processed]
        sums = {key: sum(count[key] for count in counts) for key in SUMS}
        sums["failed"] = sums.pop("failures")
        # The line that told of it may be where the reader is past already.
        lost = {"missing": self._lost} if self._lost else {}
        self._say("stats", hosts=len(counts), **sums, **lost, **_set(stats))

    def _say(self, event: str, **line: Any) -> None:
        raw = _encoded({"event": event, "at": round(time.time(), 3), **line})
        if self._missing:
            # The line that was torn, if one was, gets its end.
            raw = b"\n" + _encoded({"event": "missing", "count": self._missing}) + raw
        try:
            is_written = os.write(self._file, raw) == len(raw)
        except OSError:
            is_written = False
        if not is_written:
            self._missing += 1
            self._lost += 1
            return
        end = os.lseek(self._file, 0, os.SEEK_CUR)
        self._missing = int(end < self._end + len(raw))  # somebody has shortened it
        self._end = end
        self._lost += self._missing

    def give_up(self) -> None:
        """Say that more is missing than can be counted."""
        self._say("missing", count=1)


def _set(stats: Any) -> Dict[str, Any]:
    """Take what set_stats has set for the whole run, if it can be written and is not too much."""
    custom = (getattr(stats, "custom", None) or {}).get("_run")
    if not isinstance(custom, dict) or not custom:
        return {}
    try:
        return {"set": custom} if len(ENCODE(custom)) <= SET else {}
    except (TypeError, ValueError, RecursionError):  # what is no JSON is nobody's variable
        return {}


def _encoded(line: Dict[str, Any]) -> bytes:
    return ENCODE(line).encode("utf-8", "replace") + b"\n"


def shown_name(what: Any) -> str:
    """Name a play or a task; as it is written, with its Jinja, where `no_log` may hold for it."""
    if what.no_log is None or what.no_log is False:
        return str(what.get_name())[:NAME]
    written = what.get_ds()
    name = written.get("name") if isinstance(written, dict) else None
    if not isinstance(name, str):
        name = getattr(what, "action", "")
    role = getattr(what, "_role", None)
    return (f"{role.get_name()} : {name}" if role else str(name))[:NAME]


def is_include(task: Any) -> bool:
    """Whether it only brings other tasks, which Ansible's recap does not count."""
    return any(kind.__name__ == "TaskInclude" for kind in type(task).__mro__)


def stats_of_the_queue() -> Any:
    """Find how often Ansible has counted each host as rescued; empty where that cannot be seen."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "send_callback":
        frame = frame.f_back  # type: ignore[assignment]
    queue: Any = frame.f_locals.get("self") if frame is not None else None
    return getattr(getattr(queue, "_stats", None), "rescued", {})


def sibling(name: str) -> Any:
    """Load the part beside this one: none of them is on a search path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("curtain_" + name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
