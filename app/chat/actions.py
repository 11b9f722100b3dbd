"""What can be asked for over a chat, and who is told when it is done."""

from collections.abc import Callable
from typing import Final

from app.chat import approvals, stops, triggers, views
from app.chat.action import Action, Done
from app.chat.grammar import FORMS, Ask
from app.services import Services
from jobs import runs as jobs

ACTIONS: Final[dict[str, Callable[[Action, Ask], Done]]] = {
    "run": triggers.trigger,
    "stop": stops.stop,
    "rerun": triggers.rerun,
    "status": views.show_status,
    "runs": views.list_runs,
    "tail": views.show_tail,
    "approve": approvals.approve,
    "deny": approvals.deny,
    "templates": views.list_templates,
    "help": views.show_help,
}
assert ACTIONS.keys() == FORMS.keys()


def act(action: Action, ask: Ask) -> Done:
    """Do what was asked; `hasten` it when the transaction is committed. Raise Refusal."""
    return ACTIONS[ask.verb](action, ask)


def hasten(services: Services, done: Done) -> None:
    """Tell the runners of what was committed."""
    if done.made is not None:
        jobs.hand_over(services.hasty_redis, done.made)
    if done.stopped is not None:
        jobs.ring_stop(services.hasty_redis, done.stopped)
