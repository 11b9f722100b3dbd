"""What the API takes of tokens and of the audit."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.parameters import Limit, RunId, Time
from app.auditing import Action
from app.hooks.globs import Glob
from app.operations import Query
from app.rights import Right
from runner.strict import Strict
from runner.template import NAME

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class TokenBody(Strict):
    """A token that is to be made."""

    name: Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")] = Field(
        description="as runs, events and the audit name who has it"
    )
    rights: Annotated[
        list[Annotated[Right, Field(strict=False)]], Field(min_length=1, max_length=len(Right))
    ] = Field(default=[Right.READ], description="kill brings stop along, and admin all")
    templates: Annotated[list[Glob], Field(max_length=100)] = Field(
        default=[],
        description="globs of templates' names, a `!` in front excludes; it sees and touches only "
        "those. None: all, and what belongs to no template",
    )
    expires_at: Annotated[Time, Field(strict=False)] | None = Field(
        default=None, description="null: when its maker's own does"
    )


class TokensQuery(Query):
    """Which tokens."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only tokens whose names come behind this"
    )
    limit: Limit = 50


class AuditQuery(Query):
    """Which entries of the audit."""

    before: RunId | None = Field(default=None, description="only entries with a smaller id")
    limit: Limit = 50
    actor: Text | None = Field(default=None, description="who did it")
    action: Action | None = None
    target: Text | None = Field(default=None, description="such as: run 12, template deploy-web")
    since: Time | None = Field(default=None, description="at this time or later")
    until: Time | None = Field(default=None, description="before this time")
