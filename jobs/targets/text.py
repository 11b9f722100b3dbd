"""What people read of a run: the same everywhere, spelled so that no chat takes it for more.

What callers and playbooks have written is in it. It must not call anybody (@all), link under a
false name, or look like another line of ours.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from jobs.targets.told import Told

LONGEST: Final = 500  # characters of one thing that somebody else has written
#: Control, format (which hides and turns round), half of a pair, and other ways to end a line.
UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
NOTHING: Final = "\u200b"  # between two characters it keeps them from meaning anything together
MARKDOWN: Final = r"\`*_{}[]()<>|~#@"


@dataclass(frozen=True)
class Text:
    """A message in plain words, every part on one line."""

    title: str
    #: What is behind it, most important first.
    lines: tuple[str, ...]
    link: str | None

    def plain(self) -> str:
        """All of it."""
        return "\n".join((self.title, *self.lines, *filter(None, [self.link])))


@dataclass(frozen=True)
class Button:
    """What a press does, as the same command typed."""

    command: Literal["stop", "rerun", "approve"]
    run_id: int

    @property
    def label(self) -> str:
        """What is on it."""
        return self.command.capitalize()

    @property
    def value(self) -> str:
        """What is sent when it is pressed."""
        return f"{self.command} {self.run_id}"


def text(told: Told) -> Text:
    """Say what happened."""
    run = told.run
    because = f": {inert(run.reason)}" if run.reason else ""
    lines = [f"by {inert(run.triggered_by)} ({run.trigger}){because}"]
    if told.is_end and run.message:
        lines.insert(0, inert(run.message))
    if told.occasion == "stuck":
        lines.insert(0, f"asked by {inert(run.stop_requested_by or '?')}; a person must look at it")
    return Text(inert(told.title), tuple(lines), told.link)


def button(told: Told) -> Button | None:
    """What can be done with the run now: stop it or repeat it."""
    if told.run.is_final:
        return Button("rerun", told.run.id) if told.is_end else None
    if told.occasion == "approval" and told.run.approval == "wanted":
        return Button("approve", told.run.id)
    return Button("stop", told.run.id)


def inert(words: str, limit: int = LONGEST) -> str:
    """Write on one line, without what cannot be seen, up to *limit* characters."""
    seen = "".join(
        " " if unicodedata.category(each) in UNSEEN else each for each in words[: 4 * limit]
    )
    line = " ".join(seen.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def broken(words: str, characters: str) -> str:
    """Put nothing behind each of *characters*, so that it begins nothing."""
    return "".join(each + NOTHING if each in characters else each for each in words)


def escaped(words: str, characters: str = MARKDOWN) -> str:
    """Put a backslash before each of *characters*, as Markdown has it."""
    return "".join(f"\\{each}" if each in characters else each for each in words)


def cut(words: str, limit: int) -> str:
    """Leave *limit* characters."""
    return words if len(words) <= limit else words[: limit - 1] + "…"
