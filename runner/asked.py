"""What was asked of a keeper, and until when it must have answered."""

import time
from typing import Final

from runner.kept import Kept
from runner.ladder import ASK

ANSWER = 5.0  # seconds beyond its ladder after which a keeper that does not answer is killed

STOP: Final = b"s"
FORCE: Final = b"k"
INTERRUPT: Final = b"d"
TIME_OUT: Final = b"t"

#: The reason that the keeper gives for what it then does.
WHYS = {STOP: "stop", FORCE: "force", INTERRUPT: "shutdown", TIME_OUT: "timeout"}


class Asked:
    """The requests made of one keeper, each once. Any thread may ask."""

    def __init__(self, kept: Kept, grace: float) -> None:
        """Ask *kept*, whose ladder takes *grace* seconds from terminate to kill."""
        self._kept = kept
        self._grace = grace
        self._letters: list[bytes] = []
        self._answer_by: float | None = None

    def ask(self, letter: bytes) -> None:
        """Ask for something, unless it was asked before."""
        if letter in self._letters:
            return
        self._letters.append(letter)
        ladder = 0.0 if letter == FORCE else ASK + self._grace
        answer_by = time.monotonic() + ladder + ANSWER
        self._answer_by = min(self._answer_by or answer_by, answer_by)
        self._kept.request(letter)

    @property
    def why(self) -> str | None:
        """Why the family is being ended; None when nobody asked for it."""
        return WHYS[self._letters[0]] if self._letters else None

    def is_unanswered(self, now: float) -> bool:
        """Whether the keeper should have ended the family by now, or named survivors."""
        return self._answer_by is not None and now > self._answer_by

    def answered(self) -> None:
        """Wait no longer: it has done what it can."""
        self._answer_by = None
