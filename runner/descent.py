"""Everyone below this process or in their cgroup: how they are signalled, and who may live."""

import os
import signal
from collections import Counter

from runner import async_jobs, linux
from runner.cgroup import Group
from runner.linux import Sent, Stat

QUICK_ROUNDS = 50  # kill rounds without a pause: some fork while others are being killed
PAUSE = 0.02  # seconds between the kill rounds that follow
PATIENCE = 100  # kill rounds after which a living member is a survivor (D state)
SURVIVOR_PAUSE = 1.0  # seconds between kill rounds when only survivors are left
LOOK = 0.02  # seconds between two looks for those who are not spared
LOOKS = 5  # in a row, without the end of a stranger meanwhile, until only async jobs are left
RESTLESS = 250  # such rows broken, some 5 s, until async jobs are spared no longer


#: Pid and start time: one process for good.
Key = tuple[int, int]


class Descent:
    """The processes below this one, as far as they were seen, and those in *group*."""

    def __init__(self, group: Group | None = None) -> None:
        self._group = group
        #: Kill rounds so far.
        self.rounds = 0
        #: Whether ansible's async jobs are neither signalled nor waited for.
        self.spares_async = False
        self._outlived: Counter[Key] = Counter()  # kills
        self._unkillable: set[Key] = set()
        self._living: frozenset[int] = frozenset()
        #: The async jobs at the last look; looks in a row that saw nobody else, and how often
        #: such a row was broken.
        self._jobs: dict[int, Stat] = {}
        self._calm_looks = self._disturbed = 0

    def signal(self, *numbers: int) -> dict[Stat, Sent]:
        """Signal everybody with each of *numbers*; tell what became of the first."""
        try:
            family = linux.descendants(os.getpid())
            parents = {os.getpid(), *family}
            jobs = self._pick_jobs(family)
            members = [member for pid, member in family.items() if pid not in jobs]
            return {member: linux.send(member, *numbers, parents=parents) for member in members}
        except OSError:
            return {}  # the machine is out of files, through this very family: the next round comes

    def kill(self) -> dict[Stat, Sent]:
        """Kill everybody once: one round, which those being forked meanwhile may escape."""
        self.rounds += 1
        sent = self._kill_group(self.signal(signal.SIGKILL))
        living = {(member.pid, member.created): what for member, what in sent.items()}
        self._outlived = Counter({key: self._outlived[key] + 1 for key in living})
        # A look can miss one whose parent ends meanwhile: it is no less a survivor for that.
        missed = {key for key in self._unkillable - living.keys() if _lives(*key)}
        self._unkillable = missed | {
            key
            for key, what in living.items()
            if what is Sent.REFUSED or self._outlived[key] > PATIENCE
        }
        self._living = frozenset(pid for pid, _ in living.keys() | missed)
        return sent

    @property
    def survivors(self) -> frozenset[int]:
        """Pids of members that may not be signalled or outlived too many kills."""
        return frozenset(pid for pid, _ in self._unkillable)

    def _kill_group(self, sent: dict[Stat, Sent]) -> dict[Stat, Sent]:
        """Kill by the group too, whom the kernel lets it reach; correct what became of them."""
        if self._group is None or self.spares_async:  # the kernel spares nobody
            return sent
        try:
            reached = {member.pid: member for member in self._group.kill()}
        except OSError:
            return sent  # out of files: the next round comes
        told = {each: Sent.REACHED if each.pid in reached else what for each, what in sent.items()}
        known = {member.pid for member in sent}
        return told | {each: Sent.REACHED for each in reached.values() if each.pid not in known}

    @property
    def group_is_empty(self) -> bool:
        """Whether nobody is in the group, or there is none."""
        try:
            return self._group is None or self._group.is_empty()
        except OSError:
            return False  # out of files: the next look comes

    def pause(self) -> float:
        """Tell the seconds to wait before the next kill round."""
        if self._calm_looks:
            return LOOK
        is_hopeless = self._living == self.survivors
        if is_hopeless and (self.survivors or self.rounds > PATIENCE):
            return SURVIVOR_PAUSE
        return 0.0 if self.rounds < QUICK_ROUNDS else PAUSE

    def left(self) -> list[Stat]:
        """Find the async jobs, once they are all that is left. Empty while they are not."""
        try:
            family = linux.descendants(os.getpid())
            self._jobs = self._pick_jobs(family)
        except OSError:
            return []  # as above
        is_calm = bool(self._jobs) and len(self._jobs) == len(family)
        self._calm_looks = self._calm_looks + 1 if is_calm else 0
        return list(self._jobs.values()) if self._calm_looks >= LOOKS else []

    def note_end(self, pid: int) -> None:
        """Take the end of a child: what forks and exits in a loop may be between two looks."""
        if pid in self._jobs or not self._calm_looks:
            return
        self._calm_looks = 0
        self._disturbed += 1
        if self._disturbed > RESTLESS:
            self.spares_async = False  # who dies unseen cannot be told from what a job starts

    def _pick_jobs(self, family: dict[int, Stat]) -> dict[int, Stat]:
        if not self.spares_async:
            return {}
        keeper = os.getpid()
        wrappers = {
            pid
            for pid, member in family.items()
            if member.parent == keeper and async_jobs.is_wrapper(linux.contents(pid, "cmdline"))
        }
        return async_jobs.pick(family, wrappers, keeper)


def _lives(pid: int, created: int) -> bool:
    try:
        process = linux.read(pid)
    except OSError:
        return True  # out of files: nobody can tell that it has ended
    return process is not None and process.is_alive and process.created == created
