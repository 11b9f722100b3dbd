"""A run that somebody asks for, of which nothing is stored yet. Knows no database and no queue."""

from dataclasses import dataclass, field
from typing import Any

from runner.run import Trigger


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run that somebody has asked for, checked, before it has a row."""

    template: str
    #: The template as it is now.
    spec: dict[str, Any]
    trigger: Trigger
    #: Who asks for it.
    by: str
    #: The caller's variables with the defaults of `accepts`, without the secret ones.
    accepted: dict[str, Any] = field(default_factory=dict)
    #: The secret ones, encrypted; None when there are none.
    secrets: bytes | None = None
    #: The options that the caller overrides.
    overrides: dict[str, Any] = field(default_factory=dict)
    #: What the caller says of it.
    reason: str | None = None
    #: A second run with it is the first one.
    idempotency_key: str | None = None
    #: What the key was used for.
    request_digest: bytes | None = None
    #: The run that it repeats.
    rerun_of: int | None = None
    #: The only hosts that it shall play on; None: all that its inventory and its limit name.
    only_hosts: list[str] | None = None
    #: The commits that it shall use; None: those that the refs stand for when it starts.
    playbook_sha: str | None = None
    inventory_sha: str | None = None
    #: The hook that it comes from, and what has happened there; None without one.
    hook: dict[str, Any] | None = None
    #: The schedule that it comes from, and which of its due times; None without one.
    schedule: dict[str, Any] | None = None
    #: Where the chat command that asks for it is answered, encrypted; see runner.reply.
    reply: bytes | None = None
    #: The span of the request that asks for it, as W3C's Trace Context writes it.
    traceparent: str | None = None
    #: The first of the runs that it retries, and which retry of that it is.
    retry_of: int | None = None
    retry_number: int | None = None
    #: The run whose template has it run, and how many are before it in that chain.
    chained_from: int | None = None
    chain_depth: int = 0
    #: The first run of that chain.
    chain_root: int | None = None
    #: Seconds in which it is not taken.
    delay: float | None = None
    #: Who has approved of it already.
    approved_by: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The template's options with the caller's overrides over them."""
        return {**self.spec.get("options", {}), **self.overrides}
