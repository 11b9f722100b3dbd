"""Runs that are stopped over a chat."""

from app import auditing
from app.chat import words
from app.chat.action import Action, Done, Refusal, about, find_run
from app.chat.grammar import Ask
from app.hooks.chat_sender import Say
from app.rights import Right
from runner.noting import note_stop
from runner.run import RunState
from runner.store import runs, stops, watch


def stop(action: Action, ask: Ask) -> Done:
    """Ask a run to stop, as the API does."""
    run = find_run(action, ask, Right.KILL if ask.force else Right.STOP)
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
    return Done(about(asked, said, is_public=True), stopped=asked)
