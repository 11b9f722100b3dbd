"""Doing what was asked for over a chat, by whoever may; and what is said to that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pydantic import ValidationError

from app import auditing
from app.api.run_requests import RerunBody
from app.approving import missing_right, objection
from app.auditing import deed
from app.chat import words
from app.chat.asker import Asker
from app.chat.grammar import FORMS, Ask
from app.chat.typed import given
from app.faults import faults_of
from app.hooks.chat_sender import Button, Say
from app.repeating import again
from app.rights import Right
from app.services import Services
from app.tracing import traceparent
from jobs import runs as jobs
from runner.acceptance import Refused, check
from runner.admission import Admitted, GroupBusy, admit, approve, deny
from runner.concurrency import Unnamed
from runner.noting import Doer, note_given_way, note_run, note_stop
from runner.rerun import NothingToRepeat
from runner.run import Run, RunState, Trigger, Wanted
from runner.store import lists, output, runs, stops, templates, watch
from runner.store.audit import Deed
from runner.store.connection import Connection
from runner.template import NAME, Overrides, restored
from runner.vault import SecretsUnreadable

LOOKED_THROUGH: Final = 200  # runs, for the newest that the asker may see
TAIL: Final = 8000  # bytes
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


def act(action: Action, ask: Ask) -> Done:
    """Do what was asked; `hasten` it when the transaction is committed. Raise Refusal."""
    return ACTIONS[ask.verb](action, ask)


def hasten(services: Services, done: Done) -> None:
    """Tell the runners of what was committed."""
    if done.made is not None:
        jobs.hand_over(services.hasty_redis, done.made)
    if done.stopped is not None:
        jobs.ring_stop(services.hasty_redis, done.stopped)


def _run(action: Action, ask: Ask) -> Done:
    _require(action.asker, Right.RUN, ask.template)
    stored = templates.find(action.conn, ask.template) if NAME.fullmatch(ask.template) else None
    if stored is None:
        raise Refusal(f"There is no template {ask.template[:63]!r}. Try: templates")
    template = restored(stored.spec)
    asked = given(template, ask.values)
    try:
        accepted = check(template, asked.vars, Overrides.model_validate(asked.overrides))
    except ValidationError as error:
        raise Refusal(_wrong(faults_of(error))) from None
    except Refused as refused:
        raise Refusal(_wrong(refused.faults)) from None
    made = _admit(
        action,
        Wanted(
            template=ask.template,
            spec=stored.spec,
            accepted=accepted.values,
            secrets=action.services.vault.seal(accepted.secrets),
            overrides=accepted.overrides,
            trigger=Trigger.CHAT,
            by=action.asker.name,
            reason=ask.reason,
            reply=action.reply,
            traceparent=traceparent(),
        ),
        deed(action.who, auditing.Action.TRIGGER, reason=ask.reason),
    )
    run = made.run
    return Done(_about(run, f"Run {run.id} of {run.template} is queued{_for(made)}."), made)


def _stop(action: Action, ask: Ask) -> Done:
    run = _find(action, ask, Right.KILL if ask.force else Right.STOP)
    asked = stops.request_stop(
        action.conn, run.id, by=action.asker.name, reason=ask.reason, force=ask.force
    )
    if asked is None:
        now = runs.find(action.conn, run.id) or run
        if now.is_final:
            raise Refusal(f"{words.one(now, watch.clock(action.conn))}. It cannot be stopped.")
        return Done(Say(text=f"Run {run.id} is stopping already."))
    kind = auditing.Action.FORCE if ask.force else auditing.Action.STOP
    note_stop(action.conn, action.who, kind, asked, reason=ask.reason)
    if asked.state is RunState.STOPPED:
        said = f"Run {run.id} is stopped; it had not started."
    else:
        how = "at once" if ask.force else f"with {asked.spec['grace']:g} s of grace"
        said = f"Run {run.id} is stopping, {how}."
    return Done(_about(asked, said, is_public=True), stopped=asked)


def _approve(action: Action, ask: Ask) -> Done:
    run = _asked_of(action, ask)
    approved = approve(action.conn, run, by=action.asker.name, reason=ask.reason)
    if approved is None:
        raise Refusal(f"Run {run.id} cannot be approved of any more.")
    note_run(action.conn, action.who, auditing.Action.APPROVE, approved.run, reason=ask.reason)
    note_given_way(action.conn, action.who, approved)
    said = f"Run {run.id} of {run.template} is approved of by {action.asker.name}{_for(approved)}."
    return Done(_about(approved.run, said, is_public=True), made=approved)


def _deny(action: Action, ask: Ask) -> Done:
    run = _asked_of(action, ask, is_denial=True)
    denied = deny(action.conn, run, by=action.asker.name, reason=ask.reason)
    if denied is None:
        raise Refusal(f"Run {run.id} has ended already.")
    note_run(action.conn, action.who, auditing.Action.DENY, denied, reason=ask.reason)
    said = f"Run {run.id} of {run.template} is denied by {action.asker.name}."
    return Done(_about(denied, said, is_public=True), stopped=denied)


def _asked_of(action: Action, ask: Ask, *, is_denial: bool = False) -> Run:
    """The run that wants approval, of which the asker may decide. Raise Refusal."""
    run = _find(action, ask, Right.READ)
    if missing := missing_right(run, lambda right: action.asker.may(right, run.template)):
        raise Denial(f"Sorry, you may not approve of runs of {run.template!r} here.", missing)
    if why := objection(run, action.asker.name, is_denial=is_denial):
        raise Refusal(f"{why[:1].upper()}{why[1:]}.")
    return run


def _rerun(action: Action, ask: Ask) -> Done:
    first = _find(action, ask, Right.RUN)
    if not first.is_final:
        raise Refusal(f"Run {first.id} is {words.state(first)}: wait for its end, or stop it.")
    body = RerunBody(at="newest" if ask.newest else "same", hosts="failed" if ask.failed else "all")
    vault, conn, by = action.services.vault, action.conn, action.asker.name
    try:
        wanted = again(vault, conn, first, body, by=by)
    except Refused as refused:
        raise Refusal(_wrong(refused.faults)) from None
    except (NothingToRepeat, SecretsUnreadable) as error:
        raise Refusal(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    made = _admit(
        action,
        replace(wanted, reply=action.reply, traceparent=traceparent()),
        deed(action.who, auditing.Action.RERUN, rerun_of=first.id),
    )
    run = made.run
    return Done(_about(run, f"Run {run.id} repeats run {first.id}: queued{_for(made)}."), made)


def _admit(action: Action, wanted: Wanted, noted: Deed) -> Admitted:
    """Let it in. Raise Refusal when its group is busy."""
    try:
        made = admit(action.conn, wanted, noted)
    except GroupBusy as busy:
        raise Refusal(f"Not queued: {busy}.") from None
    except Unnamed as error:  # a template of before: its variables were checked when it was put
        raise Refusal(_wrong([(error.variable, error.fault)])) from None
    assert made is not None  # it has no idempotency key
    note_given_way(action.conn, action.who, made)
    return made


def _for(made: Admitted) -> str:
    """Name the runs that give it their place."""
    names = ", ".join(str(run.id) for run in (*made.superseded, *made.replaced))
    return f" in place of {names}" if names else ""


def _status(action: Action, ask: Ask) -> Done:
    if ask.run_id is not None:
        run = _find(action, ask, Right.READ)
        return Done(_about(run, words.more(run, watch.clock(action.conn))))
    live = _newest(action, (RunState.QUEUED, RunState.RUNNING))
    text = words.several(live, watch.clock(action.conn)) if live else "Nothing runs or waits."
    return Done(Say(text=text))


def _runs(action: Action, ask: Ask) -> Done:
    return Done(Say(text=words.several(_newest(action), watch.clock(action.conn))))


def _tail(action: Action, ask: Ask) -> Done:
    run = _find(action, ask, Right.READ)
    read = output.read(action.conn, run.id, max(0, run.output_bytes - TAIL))
    text = read.bytes.decode(errors="replace")
    return Done(_about(run, words.tail(run, text, watch.clock(action.conn))))


def _templates(action: Action, ask: Ask) -> Done:
    names = [
        stored.name
        for stored in templates.page(action.conn, after="", limit=1000)
        if any(action.asker.may(right, stored.name) for right in action.asker.rights)
    ]
    return Done(Say(text="\n".join(names[:100]) or "There are no templates that you may use."))


def _help(action: Action, ask: Ask) -> Done:
    return Done(Say(text=words.help_text()))


ACTIONS: Final[dict[str, Callable[[Action, Ask], Done]]] = {
    "run": _run,
    "stop": _stop,
    "rerun": _rerun,
    "status": _status,
    "runs": _runs,
    "tail": _tail,
    "approve": _approve,
    "deny": _deny,
    "templates": _templates,
    "help": _help,
}
assert ACTIONS.keys() == FORMS.keys()


def _require(asker: Asker, right: Right, template: str) -> None:
    if not asker.may(right, template):
        raise Denial(f"Sorry, you may not {VERBS[right]} {template[:63]!r} here.", right)


def _find(action: Action, ask: Ask, right: Right) -> Run:
    """The run that was asked for, which the asker may see or not know of."""
    run = runs.find(action.conn, ask.run_id) if ask.run_id is not None else None
    if run is None or not any(action.asker.may(each, run.template) for each in action.asker.rights):
        raise Refusal(f"There is no run {ask.run_id} that you may see here.")
    _require(action.asker, right, run.template)
    return run


def _newest(action: Action, states: tuple[RunState, ...] = ()) -> list[Run]:
    """The newest runs that the asker may see."""
    found = lists.page(action.conn, limit=LOOKED_THROUGH, states=states)
    seen = [run for run in found if action.asker.may(Right.READ, run.template)]
    return seen[: words.MOST_LISTED]


def _about(run: Run, text: str, *, is_public: bool = False) -> Say:
    """Say it, with what can be done next."""
    buttons: tuple[Button, ...] = (Button(label="Rerun", words=f"rerun {run.id}"),)
    if not run.is_final:
        buttons = (Button(label="Stop", words=f"stop {run.id}", is_dangerous=True),)
    return Say(text=text, is_private=not is_public, buttons=buttons)


def _wrong(faults: list[tuple[str, str]]) -> str:
    """Say what is wrong, each with its name, and no value."""
    said = "; ".join(f"{field.removeprefix('vars.')} {message}" for field, message in faults[:5])
    return f"Not queued: {said}."
