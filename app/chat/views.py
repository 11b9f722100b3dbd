"""Runs and templates, shown to whoever asks for them over a chat."""

from typing import Final

from app.chat import words
from app.chat.action import Action, Done, about, find_run
from app.chat.grammar import Ask
from app.hooks.chat_sender import Say
from app.rights import Right
from runner.run import Run, RunState
from runner.store import lists, output, runs, templates, watch

TAIL: Final = 8000  # bytes


def show_status(action: Action, ask: Ask) -> Done:
    """Show one run; without its number those that run or wait."""
    if ask.run_id is not None:
        run = find_run(action, ask, Right.READ)
        return Done(about(run, words.more(run, watch.clock(action.conn))))
    live = _newest(action, (RunState.QUEUED, RunState.RUNNING))
    text = words.several(live, watch.clock(action.conn)) if live else "Nothing runs or waits."
    return Done(Say(text=text))


def list_runs(action: Action, ask: Ask) -> Done:
    """List the newest runs."""
    return Done(Say(text=words.several(_newest(action), watch.clock(action.conn))))


def show_tail(action: Action, ask: Ask) -> Done:
    """Show the end of a run's output."""
    run = find_run(action, ask, Right.READ)
    read = output.read(action.conn, run.id, max(0, run.output_bytes - TAIL))
    text = read.bytes.decode(errors="replace")
    return Done(about(run, words.tail(run, text, watch.clock(action.conn))))


def list_templates(action: Action, ask: Ask) -> Done:
    """List the templates over which the asker has any right."""
    names = [
        stored.name
        for stored in templates.page(action.conn, after="", limit=1000)
        if any(action.asker.may(right, stored.name) for right in action.asker.rights)
    ]
    return Done(Say(text="\n".join(names[:100]) or "There are no templates that you may use."))


def show_help(action: Action, ask: Ask) -> Done:
    """Show every command in its form."""
    return Done(Say(text=words.help_text()))


def _newest(action: Action, states: tuple[RunState, ...] = ()) -> list[Run]:
    """The newest runs that the asker may see, behind however many of others."""
    names = runs.template_names(action.conn)
    seen = [name for name in names if action.asker.may(Right.READ, name)]
    return lists.page(action.conn, limit=words.MOST_LISTED, states=states, among=seen)
