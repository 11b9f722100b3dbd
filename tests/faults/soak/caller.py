"""A caller of the API who does not give up: the same key, the other web, until it is answered."""

from http.client import HTTPException
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

from tests.faults.world import World
from tests.formation import Answer

PATIENCE = (0.05, 0.4)  # seconds between two tries
LOOK = 0.3  # seconds between two looks at a run


class GivenUpError(Exception):
    """The soak is over."""


class RefusedError(Exception):
    """What was answered is no answer to what was asked."""


class Caller:
    """One of many, each with a thread and chances of its own."""

    def __init__(self, world: World, random: Random, is_over: Event) -> None:
        """Ask by the webs of *world* until *is_over*."""
        self.world = world
        self.random = random
        self.is_over = is_over

    def pause(self, seconds: float) -> None:
        """Wait; raise GivenUpError if the end comes first."""
        if self.is_over.wait(seconds):
            raise GivenUpError

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask until there is an answer that is not of the server's troubles."""
        while True:
            web = self.random.choice(self.world.webs)
            try:
                answer = web.client.call(method, path, body, **headers)
                if answer.status < 500:
                    return answer
            except (OSError, HTTPException):
                pass  # as of a web that was killed: perhaps it had heard us
            self.pause(self.random.uniform(*PATIENCE))

    def trigger(self, template: str, **values: Any) -> int:
        """Trigger a run, once; give its id."""
        key = {"Idempotency-Key": uuid4().hex}
        answer = self.call("POST", f"/templates/{template}/runs", {"vars": values}, **key)
        if answer.status != 202:
            raise RefusedError(
                f"a run of {template} was asked for: {answer.status} {answer.body!r}"
            )
        return int(answer.json["id"])

    def stop(self, run_id: int, *, force: bool = False) -> None:
        """Ask for a stop; the run may be faster."""
        reason = f"the soak wants {'force' if force else 'an end'}"
        answer = self.call("POST", f"/runs/{run_id}/stop", {"force": force, "reason": reason})
        if answer.status < 300:
            self.world.reasons.setdefault(run_id, reason)
        elif answer.status != 409:
            raise RefusedError(
                f"a stop of run {run_id} was asked for: {answer.status} {answer.body!r}"
            )

    def find(self, run_id: int) -> Any:
        """Tell what the API tells of a run."""
        answer = self.call("GET", f"/runs/{run_id}")
        if answer.status != 200:
            raise RefusedError(f"run {run_id} was taken, and then: {answer.status} {answer.body!r}")
        return answer.json

    def await_final(self, run_id: int, seconds: float) -> str | None:
        """Wait for its end; give its state, None if the time is up."""
        for _ in range(int(seconds / LOOK)):
            run = self.find(run_id)
            if run["finished_at"] is not None:
                return str(run["state"])
            self.pause(LOOK)
        return None

    def await_playing(self, run_id: int, seconds: float) -> None:
        """Wait until it plays, or is over already."""
        for _ in range(int(seconds / LOOK)):
            run = self.find(run_id)
            if run["phase"] == "playing" or run["finished_at"] is not None:
                return
            self.pause(LOOK)
