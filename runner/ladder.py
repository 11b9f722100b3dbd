"""How hard a family is being ended, and when it gets harder. All policy, no signal, no clock.

    ask        SIGINT to the leader: ansible ends its own workers and says so. Never twice: after a
               swallowed one ansible has SIGINT on its default and would die without telling them.
    terminate  SIGTERM, then SIGCONT, to everybody
    kill       SIGKILL to everybody, in rounds, until nobody is left

Requests only ever bring a rung nearer, so a second stop changes nothing and a force always does.
"""

from enum import IntEnum, StrEnum

ASK = 2.0  # seconds from asking to terminating; ansible-core 2.19 needs 0.13, p99 0.25
ORPHANED = 2.0  # seconds from terminating to killing when the runner has died
LEFTOVER = 2.0  # seconds, at most, from terminating to killing what outlived a normal end


class Why(StrEnum):
    """What a family is being ended for."""

    STOP = "stop"
    FORCE = "force"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    ORPHANED = "orphaned"
    LEFTOVER = "leftover"


class Rung(IntEnum):
    """How hard it is; higher is harder."""

    GROUND = 0
    ASK = 1
    TERMINATE = 2
    KILL = 3


class Ladder:
    """The rungs taken and the times of those to come, for one family."""

    def __init__(self, grace: float) -> None:
        #: Seconds from terminate to kill.
        self.grace = grace
        #: What brought the next rung nearest. None while nothing was asked.
        self.why: Why | None = None
        #: When something was asked first, or the leader ended; monotonic. None before.
        self.since: float | None = None
        #: The highest rung taken.
        self.rung = Rung.GROUND
        self._times: dict[Rung, float] = {}

    def request(self, why: Why, now: float, *, gate_is_open: bool) -> None:
        """Be asked to end the family. Behind a closed gate nothing runs yet: kill at once."""
        if why is Why.FORCE or not gate_is_open:
            self._bring_nearer({Rung.KILL: now}, why, now)
        elif why is Why.ORPHANED:
            self._bring_nearer({Rung.TERMINATE: now, Rung.KILL: now + ORPHANED}, why, now)
        elif self.grace <= 0:
            self._bring_nearer({Rung.KILL: now}, why, now)
        else:
            terminate = now + ASK
            times = {
                Rung.ASK: now,
                Rung.TERMINATE: terminate,
                Rung.KILL: terminate + self.grace,
            }
            self._bring_nearer(times, why, now)

    def leader_ended(self, now: float) -> None:
        """Go on without a leader: whoever else is left has nobody to be asked by."""
        why = self.why or Why.LEFTOVER
        grace = min(self.grace, LEFTOVER) if why is Why.LEFTOVER else self.grace
        self._bring_nearer({Rung.TERMINATE: now, Rung.KILL: now + grace}, why, now)

    def climb(self, now: float) -> Rung | None:
        """Take the highest rung that is due. None if none is."""
        due = [rung for rung, at in self._times.items() if at <= now and rung > self.rung]
        if not due:
            return None
        self.rung = max(due)
        return self.rung

    def wait(self, now: float) -> float | None:
        """Tell the seconds until the next rung. None if none is to come."""
        times = [at for rung, at in self._times.items() if rung > self.rung]
        return max(0.0, min(times) - now) if times else None

    def elapsed(self, now: float) -> float:
        """Tell the seconds since something was asked first, or since the leader's end."""
        return round(now - self.since, 4) if self.since is not None else 0.0

    def _bring_nearer(self, times: dict[Rung, float], why: Why, now: float) -> None:
        if self.since is None:
            self.since = now
        for rung, at in times.items():
            if rung > self.rung and at < self._times.get(rung, float("inf")):
                self._times[rung] = at
                self.why = why
