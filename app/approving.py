"""Who may approve of a run, or deny it; the same over the API and over a chat."""

from collections.abc import Callable

from app.rights import Right
from runner.run import Run, RunState


def missing_right(run: Run, has: Callable[[Right], bool]) -> Right | None:
    """The first right over its template that one needs for it, and has not."""
    wanted = [Right.APPROVE, *map(Right, (run.spec.get("approval") or {}).get("rights", []))]
    return next((right for right in wanted if not has(right)), None)


def objection(run: Run, by: str, *, is_denial: bool = False) -> str | None:
    """Why *by* cannot approve of *run* now, or deny it; None if that can be."""
    if run.approval is None:
        return f"nobody need approve of run {run.id}"
    if run.state is not RunState.QUEUED:
        return f"run {run.id} is {run.state.replace('_', ' ')} already"
    if run.approval == "given":
        return f"{run.approved_by} has approved of run {run.id} already"
    is_own = by == run.triggered_by and not run.spec["approval"]["own"]
    if is_own and not is_denial:
        return f"somebody else must approve of run {run.id}: {by} has triggered it"
    return None
