"""Who asks over a chat, and what that person may do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.hooks import globs
from app.hooks.chat_sender import Command
from app.hooks.people import ChatHook, Person
from app.rights import Caller, Right

EVERYBODY: Final = "*"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody with rights over some templates."""

    #: As runs and events name who made them: "slack U1 (bob)".
    name: str
    #: For each right the templates over which it is had: the globs of each entry that gives it.
    rights: dict[Right, tuple[tuple[str, ...], ...]]

    def may(self, right: Right, template: str) -> bool:
        """Whether this person has the right over the template."""
        entries = self.rights.get(right, ())
        return any(globs.matches_any(patterns, template) for patterns in entries)

    @property
    def may_anything(self) -> bool:
        """Whether there is anything that this person may do."""
        return any(self.rights.values())


def asker_of(hook: ChatHook, name: str, command: Command) -> Asker:
    """Find the rights of whoever has given *command*: of every entry that is about them."""
    rights: dict[Right, tuple[tuple[str, ...], ...]] = {}
    for person in hook.people:
        if is_about(person, command):
            for right in map(Right, person.rights):
                rights[right] = (*rights.get(right, ()), tuple(person.templates))
    if Right.STOP in rights:
        rights[Right.KILL] = rights[Right.STOP]  # in a chat there is one right for both
    shown = f" ({command.user_name})" if command.user_name else ""
    return Asker(name=f"{hook.sender} {command.user}{shown} by hook {name}"[:300], rights=rights)


def is_about(person: Person, command: Command) -> bool:
    """Whether the entry counts for this user, in this channel of this workspace."""
    return (
        _is_among(person.users, command.user, all_of=EVERYBODY)
        and (person.workspace is None or person.workspace == command.workspace)
        and (person.channels is None or _is_among(person.channels, command.channel))
    )


def _is_among(names: Sequence[str], name: str | None, all_of: str | None = None) -> bool:
    return name is not None and (name in names or all_of in names)


def asker_of_caller(caller: Caller) -> Asker:
    """Give a caller of the API the rights that it has there."""
    patterns = caller.templates or ("**",)
    return Asker(name=caller.name, rights=dict.fromkeys(caller.rights, (patterns,)))
