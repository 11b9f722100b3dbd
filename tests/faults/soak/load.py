"""The load of a soak: many callers who trigger runs, and stop some of them at any moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Lock, Thread

from tests.faults.plays import ENDLESS, PLAYBOOKS
from tests.faults.soak.caller import Caller, GivenUpError, RefusedError
from tests.faults.world import World
from tests.waiting import wait_until

#: Its async job lives on for a moment, as its template allows.
LEAVING = """
- hosts: all
  gather_facts: false
  tasks:
    - command: sleep 2
      async: 60
      poll: 0
"""

#: How often each template is asked for, in comparison.
SHORT = {"quick": 6, "brief": 6, "brief-again": 4, "failing": 2, "flooding": 1, "leaving": 2}
#: These must be stopped.
LONG = (*ENDLESS, "sleeping-again", "double-fork-again")
AGAIN = "-again"

LONG_SHARE = 0.35  # of all that callers do
STOPPED_SHARE = 0.15  # of short runs: somebody stops them, too
BURST_SHARE = 0.1  # of all: several short runs at once
BURST = 4  # runs
END = 150.0  # seconds in which every run must have come to its end, whatever is done meanwhile


class Load:
    """The callers of one world, and what they were told."""

    def __init__(self, world: World, random: Random, callers: int) -> None:
        """Declare what they ask for; none has begun."""
        self.world = world
        self.is_over = Event()
        #: Template of each run that was taken, by id.
        self.taken: dict[int, str] = {}
        #: The final state that the API has told of a run.
        self.told: dict[int, str] = {}
        #: What no caller may ever see.
        self.complaints: list[str] = []
        self._may_ask = Event()
        self._lock = Lock()
        self._busy = 0
        self._threads = [
            Thread(target=self._ask, args=[self.caller(random)], daemon=True)
            for _ in range(callers)
        ]
        _declare(world)

    def caller(self, random: Random) -> Caller:
        """Make one with chances of its own."""
        return Caller(self.world, Random(random.random()), self.is_over)

    def begin(self) -> None:
        """Let all callers ask."""
        self._may_ask.set()
        for thread in self._threads:
            thread.start()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Let nobody ask for more; begin with everybody's runs over."""
        self._may_ask.clear()
        try:
            wait_until(lambda: not self._busy, timeout=END, interval=0.1)
            yield
        finally:
            self._may_ask.set()

    def close(self) -> None:
        """End it, whatever is under way. A caller who hangs ends with its web."""
        self.is_over.set()
        self._may_ask.set()

    def _ask(self, caller: Caller) -> None:
        while self._may_ask.wait() and not self.is_over.is_set():
            with self._lock:
                self._busy += 1
            try:
                self._play(caller)
            except GivenUpError:
                return
            except RefusedError as error:
                self.complaints.append(str(error))
            finally:
                with self._lock:
                    self._busy -= 1

    def _play(self, caller: Caller) -> None:
        """Do one of the things that callers do."""
        chance = caller.random.random()
        if chance < LONG_SHARE:
            self._see_stopped(caller, self.take(caller, caller.random.choice(LONG)))
        elif chance < LONG_SHARE + BURST_SHARE:
            taken = [self.take(caller, "quick") for _ in range(BURST)]
            for run_id in taken:
                self.see_end(caller, run_id)
        else:
            (name,) = caller.random.choices(list(SHORT), list(SHORT.values()))
            run_id = self.take(caller, name)
            if caller.random.random() < STOPPED_SHARE:
                self._see_stopped(caller, run_id)
            else:
                self.see_end(caller, run_id)

    def take(self, caller: Caller, template: str) -> int:
        """Trigger a run and remember it."""
        run_id = caller.trigger(template, seconds=round(caller.random.uniform(0.1, 3.0), 2))
        self.taken[run_id] = template
        return run_id

    def _see_stopped(self, caller: Caller, run_id: int) -> None:
        """Stop it at some moment, by force, gracefully, or one after the other."""
        caller.pause(caller.random.uniform(0.0, 5.0))
        caller.stop(run_id, force=caller.random.random() < 0.3)
        if caller.random.random() < 0.2:
            caller.pause(caller.random.uniform(0.0, 1.0))
            caller.stop(run_id, force=True)
        self.see_end(caller, run_id)

    def see_end(self, caller: Caller, run_id: int) -> None:
        """Wait until it has come to its end, and remember which."""
        state = caller.await_final(run_id, END)
        if state is None:
            self.complaints.append(f"run {run_id} has not ended within {END:g} s")
        else:
            self.told[run_id] = state


def _declare(world: World) -> None:
    for name in {*SHORT, *LONG} - PLAYBOOKS.keys():
        text = LEAVING if name == "leaving" else PLAYBOOKS[name.removesuffix(AGAIN)]
        policy = "requeue" if name.endswith(AGAIN) else "fail"
        world.declare(name, text, on_interrupt=policy, leave_async=name == "leaving")
