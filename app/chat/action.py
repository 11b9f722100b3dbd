"""One command under way: who asks for it, what it touches, and what comes of it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from app.chat.asker import Asker
from app.chat.grammar import Ask
from app.hooks.chat_sender import Button, Say
from app.rights import Right
from app.services import Services
from runner.admission import Admitted
from runner.noting import Doer
from runner.run import Run
from runner.store import runs
from runner.store.connection import Connection

VERBS: Final = {
    Right.READ: "see runs of",
    Right.RUN: "run",
    Right.STOP: "stop runs of",
    Right.KILL: "kill runs of",
}


class Refusal(Exception):
    """It is not done; the message says why, politely."""

    #: Whether it is a matter of rights, for the list of deliveries.
    is_denial = False


class Denial(Refusal):
    """The asker may not do that."""

    is_denial = True

    def __init__(self, message: str, right: Right) -> None:
        """Say it, and which *right* is missing."""
        super().__init__(message)
        self.right = right


class Done(NamedTuple):
    """What is said, and what has come of it."""

    say: Say
    #: The run that was made, and what became of others for it.
    made: Admitted | None = None
    #: The run that was asked to stop.
    stopped: Run | None = None

    @property
    def run(self) -> Run | None:
        """The run that was made."""
        return self.made.run if self.made else None


@dataclass(frozen=True, kw_only=True)
class Action:
    """One command under way: on a connection, within a transaction."""

    services: Services
    conn: Connection
    asker: Asker
    #: Who that is for the audit.
    who: Doer
    #: Whom a run is told of as it goes on; sealed. None: nobody.
    reply: bytes | None = None


def require(asker: Asker, right: Right, template: str) -> None:
    """Raise Denial unless the asker has the right over the template."""
    if not asker.may(right, template):
        raise Denial(f"Sorry, you may not {VERBS[right]} {template[:63]!r} here.", right)


def find_run(action: Action, ask: Ask, right: Right) -> Run:
    """The run that was asked for, which the asker may see or not know of."""
    run = runs.find(action.conn, ask.run_id) if ask.run_id is not None else None
    if run is None or not any(action.asker.may(each, run.template) for each in action.asker.rights):
        raise Refusal(f"There is no run {ask.run_id} that you may see here.")
    require(action.asker, right, run.template)
    return run


def about(run: Run, text: str, *, is_public: bool = False) -> Say:
    """Say it, with what can be done next."""
    buttons: tuple[Button, ...] = (Button(label="Rerun", words=f"rerun {run.id}"),)
    if not run.is_final:
        buttons = (Button(label="Stop", words=f"stop {run.id}", is_dangerous=True),)
    return Say(text=text, is_private=not is_public, buttons=buttons)


def in_place_of(made: Admitted) -> str:
    """Name the runs that give it their place."""
    names = ", ".join(str(run.id) for run in (*made.superseded, *made.replaced))
    return f" in place of {names}" if names else ""
