"""Tells on which hosts a task is in flight, in lines of JSON for runner/flight.py.

On any trouble it empties its file, which says that nothing is known. No names of tasks, arguments
or results: they may hold secrets.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Mapping

if TYPE_CHECKING:
    from types import FrameType

Line = Dict[str, Any]

ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # dumps() would make one for each line

CHECKPOINT = 65536  # bytes of lines between two checkpoints: what a reader has to read
GROWTH = 8  # or so many times the last checkpoint: they stay a small part of the file

BUILTIN = ("", "ansible.builtin.", "ansible.legacy.")
#: Connections whose processes are of the run's family.
LOCAL = frozenset(prefix + "local" for prefix in BUILTIN)
#: What Ansible takes for this machine when the inventory does not name it.
THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))
#: Actions that leave the host alone.
HERE = frozenset(
    prefix + action
    for prefix in BUILTIN
    for action in (
        "add_host",
        "assert",
        "debug",
        "fail",
        "group_by",
        "include_role",
        "include_tasks",
        "include_vars",
        "pause",
        "set_fact",
        "set_stats",
        "validate_argument_spec",
    )
)
ASYNC_STATUS = frozenset(prefix + "async_status" for prefix in BUILTIN)

NOT_FOUND = "could not find job"


class Flight:
    """Writes a line when a task begins on a host, ends there, or leaves an async job there."""

    def __init__(self, path: str) -> None:
        """Open the file at *path*, which the leader has made. Raise OSError where there is none."""
        #: Inventory host -> where its task works, while it does; None for this machine.
        self._tasks: dict[str, str | None] = {}
        #: The same of each host's last task, whose result may still be to come.
        self._places: dict[str, str | None] = {}
        #: Slot of a worker -> the host it works for; and the other way round.
        self._hosts: dict[int, str] = {}
        self._slots: dict[str, int | None] = {}
        #: Async job -> the host it works on.
        self._jobs: dict[str, str] = {}
        self._since_checkpoint = 0
        self._next_checkpoint = CHECKPOINT
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._checkpoint()

    def began(self, name: str, task: Any) -> None:
        """A task is about to begin on a host."""
        queueing = locals_of_the_strategy()
        on = place(name, task, queueing.get("task_vars", {}))
        self._take_slot(name, None if task.async_val else slot(queueing))
        self._tasks[name] = self._places[name] = on
        line: Line = {"event": "began", "host": name}
        if on is None:
            line["local"] = True
        elif on != name:
            line["on"] = on
        self._say(line)

    def ended(self, status: str, result: Any, is_ignored: bool) -> None:
        """It may have left an async job behind, or have seen the end of one, be it a failure."""
        if status in ("ok", "failed"):
            self._note_jobs(result)
        self._end(str(result._host.name))

    def _take_slot(self, name: str, number: int | None) -> None:
        """Whoever had the slot has ended: while it waits for a slot, Ansible looks at no results.

        An async task is only known to have ended, and to have left a job, by its result.
        """
        self._slots[name] = number
        if number is not None:
            last = self._hosts.get(number)
            self._hosts[number] = name
            if last is not None and last != name and self._slots[last] == number:
                self._end(last)

    def _end(self, name: str) -> None:
        if name in self._tasks:
            del self._tasks[name]
            self._say({"event": "ended", "host": name})

    def _note_jobs(self, result: Any) -> None:
        """Results are read only where there can be a job in them: reading copies all of one."""
        task = result._task
        if not task.async_val and task.action not in ASYNC_STATUS:
            return
        name = str(result._host.name)
        told = result._result
        jobs = told["results"] if isinstance(told.get("results"), list) else [told]
        for job in jobs:
            # "could not find job" comes as finished, but has seen no end.
            if isinstance(job, dict) and "ansible_job_id" in job and job.get("msg") != NOT_FOUND:
                self._note_job(str(job["ansible_job_id"]), bool(job.get("finished")), name)
        if "censored" in told and is_left_alone(result._task_fields):
            self._note_job("of " + name, False, name)  # no_log hides its id

    def _note_job(self, job: str, is_finished: bool, name: str) -> None:
        on = self._places.get(name)
        if is_finished and job in self._jobs:
            del self._jobs[job]
            self._say({"event": "job_ended", "job": job})
        elif not is_finished and on is not None and job not in self._jobs:
            self._jobs[job] = on
            self._say({"event": "job", "job": job, "on": on})

    def _say(self, line: Line) -> None:
        """Write one line, and a checkpoint when it is time for one."""
        self._since_checkpoint += self._write(line)
        if self._since_checkpoint >= self._next_checkpoint:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Sum up all lines before it, so that nobody needs to read them."""
        tasks = {name: on for name, on in self._tasks.items() if on is not None}
        length = self._write({"event": "open", "tasks": tasks, "jobs": self._jobs})
        self._since_checkpoint = 0
        self._next_checkpoint = max(CHECKPOINT, GROWTH * length)

    def _write(self, line: Line) -> int:
        raw = ENCODE(line).encode() + b"\n"
        if os.write(self._file, raw) != len(raw):
            raise OSError("a line was torn")
        return len(raw)

    def give_up(self) -> None:
        """Claim nothing."""
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            return  # its directory is gone, and with it whoever could be misled


def place(name: str, task: Any, variables: Mapping[str, Any]) -> str | None:
    """Name the host that a task works on; None when its processes are on this machine.

    An expression is left for the worker to evaluate, since that may have effects: a task that is
    delegated by one counts for its own host.
    """
    if task.action in HERE:
        return None
    delegate = task.delegate_to
    if not delegate or is_expression(delegate) or delegate == name:
        connection = variables.get("ansible_connection") or task.connection
        is_elsewhere = bool(delegate) and delegate != name
        return None if connection in LOCAL and not is_elsewhere else name
    delegate = str(delegate)
    if delegate in variables.get("groups", {}).get("all", ()):
        theirs = variables["hostvars"].raw_get(delegate)
        connection = theirs.get("ansible_connection") or task.connection
    elif delegate in THIS_MACHINE:
        return None
    else:
        connection = task.connection
    return None if connection in LOCAL else delegate


def is_expression(value: str) -> bool:
    """Whether it is Jinja."""
    return "{{" in value or "{%" in value


def is_left_alone(fields: Mapping[str, Any]) -> bool:
    """Whether nobody waits for the async job of a task with these fields."""
    return int(fields.get("async_val") or 0) > 0 and not int(fields.get("poll") or 0)


def slot(queueing: Mapping[str, Any]) -> int | None:
    """Tell the slot of the worker that is about to start; None where that cannot be seen."""
    strategy: Any = queueing.get("self")
    number = getattr(strategy, "_cur_worker", None)
    if number is None or strategy._workers[number] is not queueing.get("worker_prc"):
        return None
    return int(number)


def locals_of_the_strategy() -> Mapping[str, Any]:
    """Find what the strategy knows that calls us; nothing in an Ansible that we do not know.

    A callback is not given the variables of a task, and to compute them again takes as long as to
    queue the task. They are in the frame of _queue_task(self, host, task, task_vars, play_context),
    which is what strategy plugins override and call (ansible-core 2.0 to 2.21).
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "_queue_task":
        frame = frame.f_back
    return frame.f_locals if frame is not None else {}
