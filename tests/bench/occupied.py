"""A service whose runner has no slot left: it hears every bell, and no playbook disturbs."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.stack import Stack, open_stack
from tests.playbooks import SLEEPING
from tests.waiting import wait_until


@contextmanager
def open_occupied(**settings: str) -> Iterator[Stack]:
    """Open a stack whose only slot is taken by a run that sleeps; all others stay queued."""
    with open_stack(RUNNER_SLOTS="1", **settings) as stack:
        stack.declare(SLEEPING)
        run = stack.trigger_run()
        wait_until(lambda: stack.is_sleeping(run), timeout=60)
        yield stack
