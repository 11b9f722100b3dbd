"""What can be run: the template's model, and what a caller may change of it. Pure."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import to_jsonable_python

from runner.accepts import Rule
from runner.concurrency import DEFAULT_QUEUE, Concurrency, Priority, QueueName
from runner.errors import RunnerError
from runner.follow import Approval, Retry, Then
from runner.lifetimes import Retention
from runner.notification import Notification
from runner.strict import SHAPE, Strict
from runner.words import (
    CredentialName,
    EnvironmentName,
    Limit,
    Override,
    Path,
    Ref,
    Repository,
    TaskTags,
    Variable,
    Verbosity,
)

#: What templates are called.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
#: Fields with a default that were added when others ran templates already: stored only where they
#: say something else. While an upgrade is under way a web of the version before runs what one of
#: ours has declared, and takes no template with a field that it does not know.
LATER = ("queue", "priority", "then")


class Source(Strict):
    """A place in a repository."""

    repository: Repository = Field(description="https://…, ssh://… or file:///…; no credentials")
    ref: Ref = Field(default="HEAD", description="branch, tag or commit; HEAD: the default branch")
    path: Path = Field(description="from the top of the repository")
    credential: CredentialName | None = Field(
        default=None,
        description="what opens the repository: a git_https for https://, an ssh_key for ssh://",
    )
    submodules: bool = Field(
        default=False, description="whether its submodules are checked out, and theirs"
    )


class Playbook(Source):
    """Where the playbook is, and where it is started."""

    project: Path | None = Field(
        default=None,
        description="the directory of the repository where ansible-playbook is started and "
        "ansible.cfg and requirements.yml are; null: the top",
    )


class InventoryContent(Strict):
    """An inventory that the template holds itself."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


class InventoryPath(Strict):
    """An inventory in the playbook's repository, of the same commit."""

    path: Path


class InventoryRepository(Source):
    """An inventory in a repository of its own."""


def _shape(value: Any) -> str:
    given = value if isinstance(value, dict) else vars(value) if isinstance(value, Strict) else {}
    key = next((key for key in ("content", "repository") if key in given), "path")
    return f"{SHAPE}{key}"


Inventory = Annotated[
    Annotated[InventoryContent, Tag(f"{SHAPE}content")]
    | Annotated[InventoryRepository, Tag(f"{SHAPE}repository")]
    | Annotated[InventoryPath, Tag(f"{SHAPE}path")],
    Discriminator(_shape),
]


class Options(Strict):
    """What ansible-playbook is told beside its variables."""

    limit: Limit | None = None
    tags: TaskTags | None = None
    skip_tags: TaskTags | None = None
    forks: Annotated[int, Field(ge=1, le=500)] | None = None
    verbosity: Verbosity | None = None
    check: bool | None = None
    diff: bool | None = None
    become: bool | None = None


class Overrides(Strict):
    """The options that a caller may give for one run, if the template allows them."""

    limit: Limit | None = None
    tags: TaskTags | None = None
    skip_tags: TaskTags | None = None
    check: bool | None = None
    diff: bool | None = None
    verbosity: Verbosity | None = None
    ref: Ref | None = None


def _environment(environment: dict[str, str]) -> dict[str, str]:
    if taken := sorted(name for name in environment if name.startswith("CURTAIN_")):
        raise ValueError(f"{', '.join(taken)}: names with CURTAIN_ are taken")
    return environment


class Template(Strict):
    """What can be run, and what a caller may change of it."""

    playbook: Playbook
    inventory: Inventory
    vars: dict[Variable, JsonValue] = Field(
        default={}, description="variables that callers cannot change, unless they are accepted too"
    )
    accepts: dict[Variable, Rule] = Field(
        default={}, description="the variables that a caller may give"
    )
    overrides: list[Override] = Field(
        default=[], max_length=7, description="the options that a caller may give"
    )
    options: Options = Options()
    requirements: bool = Field(
        default=True,
        description="whether the roles and collections of the project's requirements.yml, "
        "roles/requirements.yml and collections/requirements.yml are installed",
    )
    environment: Annotated[dict[EnvironmentName, str], AfterValidator(_environment)] = Field(
        default={}, description="environment variables of ansible-playbook"
    )
    credentials: list[CredentialName] = Field(
        default=[],
        max_length=50,
        description="those that ansible gets: up to one ssh_key, one become_password and one "
        "login_password, and a vault_password for each vault id",
    )
    timeout: int = Field(
        default=3600, ge=1, le=604_800, description="seconds from its claim until it is ended"
    )
    queue_timeout: Annotated[int, Field(ge=1, le=604_800)] | None = Field(
        default=None, description="seconds it may be queued; null: for ever"
    )
    queue: QueueName = Field(
        default=DEFAULT_QUEUE, description="whose runners take its runs: those that serve it"
    )
    priority: Annotated[Priority, Field(strict=False)] = Field(
        default=Priority.NORMAL, description="which queued runs are taken first: those of `high`"
    )
    concurrency: Concurrency | None = Field(
        default=None, description="of which runs there may be only so many at once"
    )
    grace: Annotated[int, Field(ge=0, le=300)] | Annotated[float, Field(ge=0, le=300)] = Field(
        default=10, description="seconds from terminate to kill when it is stopped"
    )
    on_interrupt: Literal["fail", "requeue"] = Field(
        default="fail",
        description="what becomes of a run whose runner was shut down or died while it played: "
        "it is interrupted, or queued again, if it is safe to repeat (up to 5 attempts)",
    )
    retry: Retry | None = Field(
        default=None, description="when a run that has not succeeded is tried again by itself"
    )
    then: list[Then] = Field(
        default=[], max_length=20, description="templates that are run when a run has ended"
    )
    approval: Approval | None = Field(
        default=None, description="who must approve of a run before it starts"
    )
    leave_async: bool = Field(
        default=False,
        description="whether ansible's async jobs may outlive a run that ends by itself",
    )
    start: Literal["warm", "cold"] | None = Field(
        default=None,
        description="how its runs start: warm or cold; null: as the runner is set, RUNNER_START",
    )
    notifications: list[Notification] = Field(
        default=[], max_length=20, description="who is told when it starts, ends or is stuck"
    )
    retention: Retention | None = Field(
        default=None, description="how long its runs are kept; null: as the settings say"
    )

    @model_validator(mode="after")
    def _has_a_group_of_known_variables(self) -> Self:
        for name in self.concurrency.names if self.concurrency else ():
            if name not in self.accepts and name not in self.vars:
                raise ValueError(f"concurrency.group: this template has no variable {name}")
            if name in self.accepts and self.accepts[name].secret:
                raise ValueError(f"concurrency.group: {name} is secret, a group's name is not")
        return self

    def spec(self) -> dict[str, Any]:
        """Write it as it is stored: defaults filled in, what is not set left out; see LATER."""
        said = self.model_dump(mode="json", exclude_none=True)
        return {name: each for name, each in said.items() if each != _LATER.get(name)}


#: The defaults that are not stored.
_LATER = {name: to_jsonable_python(Template.model_fields[name].get_default()) for name in LATER}


def filled(spec: dict[str, Any]) -> dict[str, Any]:
    """A template's spec as it is shown: with the defaults that are not stored."""
    return {**_LATER, **spec}


class TemplateOfAnotherVersion(RunnerError):
    """It has what this version does not take: another one is being installed."""


def restored(spec: dict[str, Any]) -> Template:
    """Make it of what its spec gave. Raise TemplateOfAnotherVersion."""
    try:
        return Template.model_validate(spec)
    except ValidationError:
        raise TemplateOfAnotherVersion from None
