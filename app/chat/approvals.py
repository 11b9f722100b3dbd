"""Runs that want approval, decided over a chat."""

from app import auditing
from app.approving import missing_right, objection
from app.chat.action import Action, Denial, Done, Refusal, about, find_run, in_place_of
from app.chat.grammar import Ask
from app.rights import Right
from runner import admission
from runner.noting import note_given_way, note_run
from runner.run import Run


def approve(action: Action, ask: Ask) -> Done:
    """Let a run start that waits for approval."""
    run = _asked_of(action, ask)
    approved = admission.approve(action.conn, run, by=action.asker.name, reason=ask.reason)
    if approved is None:
        raise Refusal(f"Run {run.id} cannot be approved of any more.")
    note_run(action.conn, action.who, auditing.Action.APPROVE, approved.run, reason=ask.reason)
    note_given_way(action.conn, action.who, approved)
    place = in_place_of(approved)
    said = f"Run {run.id} of {run.template} is approved of by {action.asker.name}{place}."
    return Done(about(approved.run, said, is_public=True), made=approved)


def deny(action: Action, ask: Ask) -> Done:
    """End a run that waits for approval."""
    run = _asked_of(action, ask, is_denial=True)
    denied = admission.deny(action.conn, run, by=action.asker.name, reason=ask.reason)
    if denied is None:
        raise Refusal(f"Run {run.id} waits for approval no more.")
    note_run(action.conn, action.who, auditing.Action.DENY, denied, reason=ask.reason)
    said = f"Run {run.id} of {run.template} is denied by {action.asker.name}."
    return Done(about(denied, said, is_public=True), stopped=denied)


def _asked_of(action: Action, ask: Ask, *, is_denial: bool = False) -> Run:
    """The run that wants approval, of which the asker may decide. Raise Refusal."""
    run = find_run(action, ask, Right.READ)
    if missing := missing_right(run, lambda right: action.asker.may(right, run.template)):
        raise Denial(f"Sorry, you may not approve of runs of {run.template!r} here.", missing)
    if why := objection(run, action.asker.name, is_denial=is_denial):
        raise Refusal(f"{why[:1].upper()}{why[1:]}.")
    return run
