"""What can be set from outside, read once at each entry point."""

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from runner.concurrency import DEFAULT_QUEUE, QueueName
from runner.lease import Lease
from runner.lifetimes import Lifetimes
from runner.notification_settings import NotificationSettings
from runner.store_settings import StoreSettings


class Settings(StoreSettings, Lifetimes, Lease, NotificationSettings):
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
    traces: str | None = Field(
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        default=None,
        description="a collector of OpenTelemetry, http://host:4318, for traces; needs the extra "
        "`otel`",
    )

    @field_validator("redis_url")
    @classmethod
    def _with_its_trust(cls, value: str, given: ValidationInfo) -> str:
        is_trusted = given.data.get("redis_tls_verify") is False
        if is_trusted and value.startswith("rediss:") and "ssl_cert_reqs=" not in value:
            return f"{value}{'&' if '?' in value else '?'}ssl_cert_reqs=none"
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
