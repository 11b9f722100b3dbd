"""Runs that are made over a chat: of a template, or of another run once more."""

from dataclasses import replace

from pydantic import ValidationError

from app import auditing
from app.api.run_requests import RerunBody
from app.auditing import deed
from app.chat import words
from app.chat.action import Action, Done, Refusal, about, find_run, in_place_of, require
from app.chat.grammar import Ask
from app.chat.typed import given
from app.faults import faults_of
from app.repeating import again
from app.rights import Right
from app.tracing import traceparent
from runner.acceptance import Refused, check
from runner.admission import Admitted, GroupBusy, admit
from runner.concurrency import Unnamed
from runner.noting import note_given_way
from runner.rerun import NothingToRepeat
from runner.run import Trigger
from runner.store import templates
from runner.store.audit import Deed
from runner.template import NAME, Overrides, restored
from runner.vault import SecretsUnreadable
from runner.wanted import Wanted


def trigger(action: Action, ask: Ask) -> Done:
    """Make a run of a template, with the variables that were typed."""
    require(action.asker, Right.RUN, ask.template)
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
    return Done(about(run, f"Run {run.id} of {run.template} is queued{in_place_of(made)}."), made)


def rerun(action: Action, ask: Ask) -> Done:
    """Repeat a run that has ended."""
    first = find_run(action, ask, Right.RUN)
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
    said = f"Run {run.id} repeats run {first.id}: queued{in_place_of(made)}."
    return Done(about(run, said), made)


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


def _wrong(faults: list[tuple[str, str]]) -> str:
    """Say what is wrong, each with its name, and no value."""
    said = "; ".join(f"{field.removeprefix('vars.')} {message}" for field, message in faults[:5])
    return f"Not queued: {said}."
