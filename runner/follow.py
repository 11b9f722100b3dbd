"""What comes after a run: whether it is retried, and what is run then. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, StringConstraints

from runner.run import Run, RunState
from runner.strict import Strict
from runner.words import Variable

#: Runs in a row that start each other; a circle ends there.
DEEPEST: Final = 20
#: Runs that come of one, all together: twenty that each start twenty would soon be a million.
MOST: Final = 100
#: ansible-playbook's, for hosts that could not be reached.
UNREACHABLE: Final = 4

TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Cause = Literal["failed", "unreachable", "interrupted", "timed_out"]


class Retry(Strict):
    """When a run is tried once more, by itself. What somebody has stopped never is."""

    times: int = Field(default=1, ge=1, le=20, description="retries at most")
    delay: int = Field(default=60, ge=0, le=86_400, description="seconds before each")
    on: Annotated[list[Cause], Field(min_length=1, max_length=4)] = Field(
        default=["unreachable", "interrupted"],
        description="unreachable: a host could not be reached; failed: anything else that it "
        "failed for. What is lost may still be playing, and is never retried",
    )
    hosts: Literal["all", "failed"] = Field(
        default="all",
        description="failed: only those on which it failed or which it could not reach, where "
        "that is known",
    )


class Then(Strict):
    """A template that is run when a run has ended."""

    template: TemplateName
    when: Literal["succeeded", "failed", "always"] = Field(
        default="succeeded",
        description="failed: failed or timed out; always: also when it was interrupted or lost. "
        "What somebody has stopped is followed by nothing",
    )
    vars: dict[Variable, JsonValue] = Field(
        default={}, description="its variables, beside those that the playbook's set_stats names"
    )


class Approval(Strict):
    """Somebody must approve of a run before it starts."""

    rights: Annotated[
        list[Literal["approve", "run", "stop", "kill", "admin"]],
        Field(min_length=1, max_length=5),
    ] = Field(default=["approve"], description="which one needs for it; `approve` in any case")
    timeout: int = Field(
        default=86_400, ge=1, le=604_800, description="seconds until it fails for want of it"
    )
    own: bool = Field(default=False, description="whether who has triggered it may approve of it")


def cause(run: Run, *, is_unreachable: bool) -> Cause | None:
    """Why *run* has not succeeded; None for what is not retried."""
    match run.state:
        case RunState.FAILED:
            unreachable = run.exit_code == UNREACHABLE and is_unreachable
            return "unreachable" if unreachable else "failed"
        case RunState.INTERRUPTED:
            return "interrupted"
        case RunState.TIMED_OUT:
            return "timed_out"
    return None


def is_retried(run: Run, why: Cause | None) -> bool:
    """Whether *run*, which ended for *why*, is tried once more."""
    retry = run.spec.get("retry")
    if retry is None or why is None or run.claimed_at is None:
        return False  # what nobody took in time, or approved of, will not be better for it
    if run.stop_requested_at is not None:
        return False  # it ended by itself before the stop reached it; whoever asked wants no more
    return why in retry["on"] and (run.retry_number or 0) < retry["times"]


def followers(run: Run) -> list[dict[str, Any]]:
    """The entries of its template's `then` that its end calls for."""
    wanted = {RunState.SUCCEEDED: "succeeded", RunState.FAILED: "failed"}
    wanted[RunState.TIMED_OUT] = "failed"
    if run.stop_requested_at is not None or not run.is_final:
        return []
    return [
        entry
        for entry in run.spec.get("then", [])
        if entry["when"] in ("always", wanted.get(run.state))
    ]


def handed_on(
    stats: Mapping[str, Any], entry: Mapping[str, Any], accepts: Mapping[str, Any]
) -> dict[str, Any]:
    """The variables of a follower: those of *stats* that it accepts, and those of the *entry*.

    *accepts*: the rules of its template, by name. Nothing that is secret there is taken from stats.
    """
    taken = {
        name: value
        for name, value in stats.items()
        if name in accepts and not accepts[name].secret and value is not None
    }
    return {**taken, **entry["vars"]}


def later(run: Run) -> int:
    """Seconds until its retry."""
    delay: int = run.spec["retry"]["delay"]
    return delay
