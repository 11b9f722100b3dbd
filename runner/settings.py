"""What can be set from outside, read once at each entry point."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from runner.concurrency import DEFAULT_QUEUE, QueueName
from runner.errors import RunnerError
from runner.lifetimes import Lifetimes
from runner.mail_server import mail_server
from runner.words import ADDRESS


class SettingsInvalid(RunnerError):
    """The settings are not usable."""


class StoreSettings(BaseModel):
    """What is needed to read what is stored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(
        alias="DATABASE_URL", min_length=1, description="Postgres 15 or newer: postgresql://…"
    )
    secret_key: str = Field(
        alias="CURTAIN_SECRET_KEY",
        min_length=16,
        repr=False,
        description="encrypts secrets at rest; after a comma older keys, which are still read",
    )

    @field_validator("database_url")
    @classmethod
    def _is_conninfo(cls, value: str) -> str:
        try:
            conninfo_to_dict(value)
        except ProgrammingError:
            raise ValueError("is not of the form postgresql://user:password@host/name") from None
        return value

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting. Raise SettingsInvalid naming all that are missing or wrong."""
        try:
            return cls.model_validate({name: value for name, value in environ.items() if value})
        except ValidationError as error:
            wrong = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsInvalid("; ".join(wrong)) from None


class Settings(StoreSettings, Lifetimes):
    """Every setting, checked. The README's table is made of these descriptions."""

    redis_tls_verify: bool = Field(
        alias="REDIS_TLS_VERIFY",
        default=True,
        description="`0` believes the server of a `rediss://` address whatever its certificate "
        "says: Heroku's is self-signed",
    )
    redis_url: str = Field(
        alias="REDIS_URL",
        min_length=1,
        description="Redis 6.2 or newer, or Valkey: redis://… or rediss://…",
    )
    admin_token: str = Field(
        alias="CURTAIN_ADMIN_TOKEN",
        min_length=16,
        repr=False,
        description="the bearer token of the caller admin; 16 characters or more",
    )
    data: Path = Field(
        alias="CURTAIN_DATA",
        default=Path(".data"),
        description="where the runner keeps its Git cache, what ansible-galaxy has installed "
        "and the directories of live runs",
    )
    slots: int = Field(
        alias="RUNNER_SLOTS", default=10, ge=1, le=1000, description="runs at once per runner"
    )
    queues: Annotated[tuple[QueueName, ...], Field(min_length=1, max_length=50)] = Field(
        alias="RUNNER_QUEUES",
        default=(DEFAULT_QUEUE,),
        description="the queues whose runs the runner takes, the first first; commas",
    )
    run_memory: int = Field(
        alias="RUNNER_RUN_MEMORY",
        default=100,
        ge=0,
        le=1_000_000,
        description="MB that must be available for another run to be taken; 0: it is not looked at",
    )
    machine: str = Field(
        alias="RUNNER_MACHINE",
        default_factory=socket.gethostname,
        description="the name of the runner's machine, shown on runs",
    )
    drain: float = Field(
        alias="RUNNER_DRAIN",
        default=10.0,
        ge=0,
        le=3600,
        description="seconds that live runs may go on after SIGTERM before they are interrupted",
    )
    shutdown_grace: float = Field(
        alias="RUNNER_SHUTDOWN_GRACE",
        default=6.0,
        ge=0,
        le=3600,
        description="seconds from terminate to kill when the runner is shut down",
    )
    start: Literal["warm", "cold"] = Field(
        alias="RUNNER_START",
        default="warm",
        description="`warm` starts runs from a process that has loaded Ansible, "
        "`cold` by executing ansible-playbook",
    )
    zygotes: int = Field(
        alias="RUNNER_ZYGOTES",
        default=4,
        ge=0,
        le=100,
        description="processes with Ansible loaded that are kept, one for each environment and "
        "ansible.cfg; each takes 40 to 60 MB",
    )
    cgroup: Literal["auto", "off"] = Field(
        alias="RUNNER_CGROUP",
        default="auto",
        description="`auto` holds each run in a cgroup where one can be had, `off` never",
    )
    pass_environment: tuple[str, ...] = Field(
        alias="RUNNER_PASS_ENV",
        default=(),
        description="names of the runner's variables that playbooks may see; `AWS_*` style, commas",
    )
    ansible_playbook: str = Field(
        alias="ANSIBLE_PLAYBOOK",
        default="",
        description="the command; by default the one beside Python, else the one on PATH",
    )
    git_protocols: tuple[str, ...] = Field(
        alias="CURTAIN_GIT_PROTOCOLS",
        default=("https", "ssh", "file"),
        description="what repository URLs may begin with",
    )
    galaxy_age: float = Field(
        alias="CURTAIN_GALAXY_AGE",
        default=86_400.0,
        ge=0,
        description="seconds after which requirements without exact versions are installed again",
    )
    git_cache_size: int | None = Field(
        alias="CURTAIN_GIT_CACHE_SIZE",
        default=None,
        ge=0,
        description="bytes of the Git cache; unset: 20 GiB, or a third of a smaller disk",
    )
    git_cache_age: float = Field(
        alias="CURTAIN_GIT_CACHE_AGE",
        default=30 * 86_400.0,
        ge=0,
        description="seconds without use after which a repository leaves the Git cache",
    )
    event_limit: int = Field(
        alias="CURTAIN_EVENT_LIMIT",
        default=500_000,
        ge=1000,
        le=100_000_000,
        description="events that are kept of one run (tasks, results, warnings); what came of each "
        "host and task is counted beyond it, too",
    )
    output_limit: int = Field(
        alias="CURTAIN_OUTPUT_LIMIT",
        default=256 * 2**20,
        ge=2**16,
        description="bytes of output kept per run; what follows is dropped with a notice",
    )
    connections: int = Field(
        alias="CURTAIN_CONNECTIONS",
        default=20,
        ge=2,
        le=500,
        description="connections to Postgres per web process, at most",
    )
    followers: int = Field(
        alias="CURTAIN_FOLLOWERS",
        default=200,
        ge=1,
        description="requests per web process that may follow or wait at once",
    )
    url: str | None = Field(
        alias="CURTAIN_URL",
        default=None,
        pattern=r"^https?://[^\s\\?#]+$",
        description="where people reach web: what notifications link to",
    )
    notify_private: tuple[str, ...] = Field(
        alias="CURTAIN_NOTIFY_PRIVATE",
        default=(),
        description="hosts and networks (10.1.0.0/16) that may be notified though they are private "
        "or speak plain http; commas",
    )
    smtp_url: str | None = Field(
        alias="CURTAIN_SMTP_URL",
        default=None,
        repr=False,
        description="the server for e-mail: smtps://user:password@host, smtp://…?starttls",
    )
    smtp_from: str | None = Field(
        alias="CURTAIN_SMTP_FROM", default=None, description="the sender of e-mail"
    )
    traces: str | None = Field(
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        default=None,
        description="a collector of OpenTelemetry, http://host:4318, for traces; needs the extra "
        "`otel`",
    )
    lease: float = Field(
        alias="RUNNER_LEASE",
        default=30.0,
        ge=1,
        description="seconds a runner's right to a run lasts without a heartbeat",
    )

    @field_validator("notify_private")
    @classmethod
    def _are_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if not re.fullmatch(r"[A-Za-z0-9.:_-]+(/[0-9]{1,3})?", place):
                raise ValueError(f"{place} is neither a host nor a network")
            if "/" in place:
                ip_network(place, strict=False)
        return value

    @field_validator("redis_url")
    @classmethod
    def _with_its_trust(cls, value: str, given: ValidationInfo) -> str:
        is_trusted = given.data.get("redis_tls_verify") is False
        if is_trusted and value.startswith("rediss:") and "ssl_cert_reqs=" not in value:
            return f"{value}{'&' if '?' in value else '?'}ssl_cert_reqs=none"
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            mail_server(value)
        return value

    @field_validator("smtp_from")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(ADDRESS, value):
            raise ValueError("is no e-mail address: write curtain@example.org")
        return value

    @field_validator("pass_environment", "git_protocols", "notify_private", "queues", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(filter(None, value.replace(",", " ").split()))
            if isinstance(value, str)
            else value
        )

    @property
    def beat(self) -> float:
        """Seconds between two heartbeats: two may fail before a lease runs out."""
        return self.lease / 3

    @property
    def gate(self) -> float:
        """Seconds from its claim in which a run's gate may be opened: less than the first lease."""
        return self.lease - self.beat

    @property
    def round(self) -> float:
        """Seconds between two rounds of the watchdog."""
        return self.lease / 6

    @property
    def watch(self) -> float:
        """Seconds without a round after which another watchdog looks after all machines."""
        return self.lease * 2 / 3

    @property
    def runs_directory(self) -> Path:
        """Where live runs have their directories."""
        return self.data.resolve() / "runs"

    @property
    def git_directory(self) -> Path:
        """Where the object stores of repositories are."""
        return self.data.absolute() / "git"

    @property
    def galaxy_directory(self) -> Path:
        """Where what ansible-galaxy has installed is."""
        return self.data.absolute() / "galaxy"

    def ansible_command(self) -> str:
        """The ansible-playbook to execute; its bare name when there is none to be found."""
        if self.ansible_playbook:
            return self.ansible_playbook
        beside = Path(sys.executable).with_name("ansible-playbook")
        if os.access(beside, os.X_OK):
            return str(beside)
        return shutil.which("ansible-playbook") or "ansible-playbook"
