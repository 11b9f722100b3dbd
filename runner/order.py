"""What the runner orders a leader to do: one run, complete, as JSON in a file."""

from typing import Any, NotRequired, TypedDict

#: A credential with its secrets: its `name`, and the fields of its kind in runner/credential.py.
#: One that opens a repository has a `scope`, too: only the same one finds what was fetched.
Credential = dict[str, Any]


class Source(TypedDict):
    """A file or directory at a ref of a repository."""

    repository: str
    ref: str
    path: str
    #: Templates of before submodules do not say.
    submodules: NotRequired[bool]


class Playbook(Source, total=False):
    """A playbook, and the directory of its repository where it is started: the top unless said."""

    project: str


class SourceAccess(TypedDict):
    """What opens the repositories; None where nothing is needed or there is no repository."""

    playbook: Credential | None
    inventory: Credential | None


class Inventory(TypedDict, total=False):
    """Either content, or a path in the playbook's tree, or a whole Source."""

    content: str
    path: str
    repository: str
    ref: str
    submodules: bool


class Pinned(TypedDict):
    """Commits that were settled before, by a hook or the run that is repeated."""

    playbook: str | None
    inventory: str | None


class Options(TypedDict, total=False):
    """What ansible-playbook shall do: empty, 0 and False say nothing."""

    limit: str | None
    tags: list[str]
    skip_tags: list[str]
    forks: int | None
    verbosity: int
    check: bool
    diff: bool
    become: bool


class Order(TypedDict):
    """All that the leader needs to know of a run."""

    run: int
    template: str
    installation: str
    #: The run's own directory: there already, 0700, removed with all it holds afterwards.
    directory: str
    #: Where the object stores are, shared by all runs of this machine.
    cache: str
    #: Where what ansible-galaxy has installed is, shared too.
    galaxy: str
    #: Seconds after which requirements that are not pinned are installed again.
    galaxy_age: float
    playbook: Playbook
    #: Whether what its project requires is installed.
    requirements: bool
    inventory: Inventory
    #: The template's own variables: trusted, may be Jinja.
    vars: dict[str, Any]
    #: The caller's, and the defaults of what a caller may set: never evaluated.
    accepted: dict[str, Any]
    options: Options
    #: The template's environment for ansible-playbook.
    environment: dict[str, str]
    pinned: Pinned
    access: SourceAccess
    #: What ansible may use: each kind once, but vault passwords of several ids.
    credentials: list[Credential]
    #: Path or name of the command.
    ansible_playbook: str
    #: What of the runner's environment a playbook may see.
    base_environment: dict[str, str]
    #: Tells the run's processes from all others: CURTAIN_RUN and CURTAIN_INSTALLATION.
    mark: dict[str, str]
    protocols: list[str]
    #: The only hosts to play on; None: all that the inventory and the limit name.
    only_hosts: list[str] | None
    #: Async jobs may outlive the run.
    leave_async: bool
    #: "warm" where the leader may become ansible-playbook without exec; else "cold".
    start: str
