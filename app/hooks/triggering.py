"""Hooks of events, which run one template: what for, and with which variables."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.hooks.globs import Glob
from app.hooks.named import Named, TemplateName, Word, require_long
from app.hooks.rules import DEEPEST, Rule, depth
from app.hooks.values import Origin, Source
from runner.words import Variable

GitSender = Literal["github", "gitlab", "gitea", "gogs", "bitbucket_cloud", "bitbucket_dc"]


class Triggering(Named):
    """A hook of events, which run one template."""

    template: TemplateName
    events: Annotated[list[Word], Field(min_length=1, max_length=50)] | None = Field(
        default=None,
        description="push, tag, merge, release, or the sender's own names. Unless given: push, and "
        "tag where `tags` is given; of both only tag where `branches` is not",
    )
    branches: Annotated[list[Glob], Field(max_length=100)] = Field(
        default=[], description="globs; a `!` in front excludes. None: every branch"
    )
    tags: Annotated[list[Glob], Field(max_length=100)] = Field(
        default=[], description="globs, as for branches"
    )
    paths: Annotated[list[Glob], Field(max_length=100)] = Field(
        default=[],
        description="globs, of which one must match a file that was added, changed or removed; "
        "where the sender does not list them all it counts as a match",
    )
    rules: Rule | None = Field(default=None, description="what must hold besides")
    vars: dict[Variable, Origin] = Field(
        default={},
        max_length=100,
        description="variables of the run: JSON pointers, event.NAME, or constants",
    )
    ref: Source | None = Field(
        default=None,
        description="overrides the playbook's ref: event.sha runs exactly what was pushed",
    )
    skip_words: bool = Field(
        default=True, description="whether [skip ci] in a push's last commit is honoured"
    )
    deletes: bool = Field(default=False, description="whether deleted refs run it, too")
    forks: bool = Field(default=False, description="whether unmerged code of forks runs it, too")
    when_busy: Literal["queue", "coalesce", "reject"] = Field(
        default="queue",
        description="queue: each waits for its turn; coalesce: of those that wait for one "
        "ref of a repository only the newest runs; reject: nothing runs while one of the template "
        "does, or waits",
    )

    @model_validator(mode="after")
    def _is_shallow(self) -> Self:
        if self.rules is not None and depth(self.rules) > DEEPEST:
            raise ValueError(f"rules are nested more than {DEEPEST} deep")
        return self

    @property
    def wanted_events(self) -> list[str]:
        """The events that it runs for."""
        if self.events is not None:
            return self.events
        if self.tags:
            return ["push", "tag"] if self.branches else ["tag"]
        return ["push"]


class GitHook(Triggering):
    """Of a Git host."""

    sender: GitSender

    @model_validator(mode="after")
    def _has_long_signing_tokens(self) -> Self:
        for secret in self.given_secrets:
            if self.sender == "gitlab" and secret.startswith("whsec_"):
                require_long(secret)
        return self


class AzureHook(Triggering):
    """Of Azure DevOps, which signs nothing: it sends a user and password, or a header."""

    sender: Literal["azure_devops"]
    header: Word | None = Field(
        default=None,
        description="what holds the secret; null: Basic, and the secret is user:password",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The header's name."""
        return {"header": self.header}


class GenericHook(Triggering):
    """Of anybody who signs with HMAC."""

    sender: Literal["generic_hmac"]
    header: Word = Field(default="X-Signature", description="the header with the signature")
    prefix: Annotated[str, StringConstraints(max_length=50, pattern=r"^[!-~]*$")] = Field(
        default="", description="what stands before it there, such as sha256="
    )
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"

    @property
    def options(self) -> dict[str, Any]:
        """How it is signed."""
        return self.model_dump(include={"header", "prefix", "algorithm", "encoding"})


class StandardHook(Triggering):
    """Of anybody who signs as Standard Webhooks has it."""

    sender: Literal["standard_webhooks"]

    @model_validator(mode="after")
    def _has_long_secrets(self) -> Self:
        for secret in self.given_secrets:
            require_long(secret)
        return self


class SnsHook(Triggering):
    """Of AWS SNS, which signs with a key of its own: there is no secret."""

    sender: Literal["aws_sns"]
    topics: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^arn:[!-~]+$", max_length=300)]],
        Field(min_length=1, max_length=50),
    ] = Field(description="the ARNs of the topics that may call")
    allow_sha1: bool = Field(default=False, description="whether SignatureVersion 1 is believed")
    secret: None = None
    secrets: None = None

    @property
    def options(self) -> dict[str, Any]:
        """Which topics may call."""
        return {"topics": tuple(self.topics), "allow_sha1": self.allow_sha1}
