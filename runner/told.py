"""What a keeper has told of its family so far, and the end that follows from it. Pure."""

from typing import Any

from runner.judge import PLAYED, End, storable

Line = dict[str, Any]


class Told:
    """The sum of a keeper's status lines, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        #: The line that says who the leader is; None before.
        self.started: Line | None = None
        #: The line that says how the leader ended; None before.
        self.exit: Line | None = None
        #: Why the leader could not become ansible-playbook.
        self.refusal: str | None = None
        #: The leader was in its cgroup before it started anybody.
        self.is_contained = False
        #: The keeper has seen that nobody is left.
        self.is_gone = False
        #: The async jobs that were left alive, as the keeper describes them.
        self.left: list[Line] = []
        self._signalled: list[str] = []
        self._why: str | None = None
        #: The order came too late for a leader to be forked.
        self._is_unled = False

    def hear(self, line: Line) -> None:
        """Take one more line."""
        match line["event"]:
            case "unled":
                self._is_unled = True
            case "started":
                self.started = line
            case "entered":
                self.is_contained = line["outside"] is None
            case "refused":
                self.refusal = storable(line["message"])
            case "signal":
                self.signalled(line["signal"], line["why"])
            case "exit":
                self.exit = line
            case "left":
                self.left = [
                    {**each, "command": storable(each["command"])} for each in line["processes"]
                ]
            case "gone":
                self.is_gone = True

    def signalled(self, name: str, why: str | None) -> None:
        """Note a signal of ours; the first one's reason counts, if one reached the leader."""
        self._why = self._why or why
        self._signalled.append(name)

    @property
    def died_of_a_stranger(self) -> bool:
        """Whether a signal ended the leader that was not ours."""
        return self.exit is not None and self.exit["code"] < 0 and not self._signalled

    def end(self, *, never_started: bool = False, why: str | None = None) -> End:
        """The end as it was told; *why* is what was asked of a keeper that told no reason."""
        unled = {"never_started": self._is_unled, "orphaned": self._is_unled}
        known: Line = self.exit or {"code": None, "signalled": [None], **unled}
        is_its_own = not known["signalled"] and not known["never_started"]
        # Its output was cut off with its runner: it may have ended of that, before any signal.
        is_cut_off = bool(known.get("orphaned")) and known["code"] not in PLAYED
        ours = (None if is_its_own else self._why) or ("orphaned" if is_cut_off else None)
        return End(
            exit_code=known["code"],
            signalled=tuple(self._signalled),
            why=ours or why,
            never_started=known["never_started"] or never_started,
            refusal=self.refusal,
            left=tuple(self.left) if self.is_gone else (),
        )
