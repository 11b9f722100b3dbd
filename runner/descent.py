"""Everyone below this process: how they are signalled, and who of them will not die."""

import os
import signal
from collections import Counter

from runner import linux
from runner.linux import Sent, Stat

QUICK_ROUNDS = 50  # kill rounds without a pause: some fork while others are being killed
PAUSE = 0.02  # seconds between the kill rounds that follow
PATIENCE = 100  # kill rounds after which a living member is a survivor (D state)
SURVIVOR_PAUSE = 1.0  # seconds between kill rounds when only survivors are left


class Descent:
    """The processes below this one, as far as they were seen."""

    def __init__(self) -> None:
        #: Kill rounds so far.
        self.rounds = 0
        #: Pids of members that may not be signalled or outlived too many kills.
        self.survivors: frozenset[int] = frozenset()
        self._outlived: Counter[tuple[int, int]] = Counter()  # kills by (pid, created)
        self._living: frozenset[int] = frozenset()

    def signal(self, *numbers: int) -> dict[Stat, Sent]:
        """Signal everybody with each of *numbers*; tell what became of the first."""
        try:
            family = linux.descendants(os.getpid())
        except OSError:
            return {}  # the machine is out of files, through this very family: the next round comes
        parents = {os.getpid(), *family}
        return {member: linux.send(member, *numbers, parents=parents) for member in family.values()}

    def kill(self) -> dict[Stat, Sent]:
        """Kill everybody once: one round, which those being forked meanwhile may escape."""
        self.rounds += 1
        sent = self.signal(signal.SIGKILL)
        living = {(member.pid, member.created): what for member, what in sent.items()}
        self._outlived = Counter({key: self._outlived[key] + 1 for key in living})
        self._living = frozenset(pid for pid, _ in living)
        self.survivors = frozenset(
            key[0]
            for key, what in living.items()
            if what is Sent.REFUSED or self._outlived[key] > PATIENCE
        )
        return sent

    def pause(self) -> float:
        """Tell the seconds to wait before the next kill round."""
        is_hopeless = self._living == self.survivors
        if is_hopeless and (self.survivors or self.rounds > PATIENCE):
            return SURVIVOR_PAUSE
        return 0.0 if self.rounds < QUICK_ROUNDS else PAUSE
