"""Where a template uses which credential, and whether that is of the kind for it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runner.credential import Credential, GitHttps, Kind, SshKey, VaultPassword, Webhook
from runner.errors import RunnerError
from runner.remote import host_of, scheme_of

#: The kind that opens repositories, by what their URL begins with.
FOR_REPOSITORIES: dict[str, Kind] = {"https": "git_https", "ssh": "ssh_key"}
#: The kind that targets of notifications take; those that are not here take webhook.
FOR_TARGETS: dict[str, Kind] = {"commit_status": "api_token"}
FOR_ANSIBLE: tuple[Kind, ...] = ("ssh_key", "become_password", "vault_password", "login_password")


class CredentialsUnfit(RunnerError):
    """The credentials that a run was to use are not there any more, or of other kinds."""

    code = "credentials_unfit"


class Use(NamedTuple):
    """One place of a template that names a credential."""

    #: The place, as faults name it.
    field: str
    name: str
    #: The repository that it shall open; None: it is for Ansible, or for a target.
    repository: str | None
    #: The kind of the target of notifications that it is for.
    target: str | None = None


class Known(NamedTuple):
    """What has to be known of a credential to tell whether it fits."""

    kind: str
    #: Of a vault_password.
    vault_id: str | None = None
    #: Of a git_https: the only host that it is for; None: any.
    host: str | None = None
    #: Of an ssh_key: whether there is a host that it lets ssh speak to.
    knows_hosts: bool = True
    #: Of a webhook: whether it has a secret to sign with.
    signs: bool = False


def known(credential: Credential) -> Known:
    """What *credential* itself tells of that."""
    return Known(
        credential.kind,
        credential.vault_id if isinstance(credential, VaultPassword) else None,
        credential.host if isinstance(credential, GitHttps) else None,
        not isinstance(credential, SshKey)
        or credential.known_hosts is not None
        or credential.host_keys == "accept-new",
        isinstance(credential, Webhook) and credential.secret is not None,
    )


def uses(spec: Mapping[str, Any]) -> list[Use]:
    """Every use of a credential in a template's spec."""
    sources = [
        Use(f"{place}.credential", spec[place]["credential"], spec[place]["repository"])
        for place in ("playbook", "inventory")
        if spec.get(place, {}).get("credential")
    ]
    for_ansible = [
        Use(f"credentials.{index}", name, None)
        for index, name in enumerate(spec.get("credentials", []))
    ]
    targets = [entry["to"] for entry in spec.get("notifications", [])]
    for_targets = [
        Use(f"notifications.{index}.to.credential", to["credential"], None, to["kind"])
        for index, to in enumerate(targets)
        if "credential" in to
    ]
    return sources + for_ansible + for_targets


def of_run(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec as its run sees it: what notifications need is kept from whatever it plays."""
    return {**spec, "notifications": []}


def names(spec: Mapping[str, Any]) -> list[str]:
    """The credentials that a template's spec uses, each once, in order."""
    return sorted({use.name for use in uses(spec)})


def faults(spec: Mapping[str, Any], named: Mapping[str, Known]) -> list[tuple[str, str]]:
    """What is wrong with the uses in *spec*, as field and message; *named* are those there are."""
    wanted = uses(spec)
    found = [(use, _fault(use, named.get(use.name))) for use in wanted]
    return [(use.field, fault) for use, fault in found if fault] or list(_doubles(wanted, named))


def _fault(use: Use, known: Known | None) -> str | None:
    if known is None:
        return f"there is no credential {use.name!r}"
    if use.repository is not None:
        return _repository_fault(use.name, known, use.repository)
    if use.target is not None:
        return _target_fault(use.name, known, use.target)
    if known.kind not in FOR_ANSIBLE:
        return f"{use.name!r} is of kind {known.kind}: ansible takes {', '.join(FOR_ANSIBLE)}"
    return None


def _repository_fault(name: str, known: Known, repository: str) -> str | None:
    scheme, host = scheme_of(repository), host_of(repository).lower()
    kind = FOR_REPOSITORIES.get(scheme)
    if kind is None:
        return f"{scheme}:// repositories take none"
    if known.kind != kind:
        return f"{name!r} is of kind {known.kind}: {scheme}:// repositories take {kind}"
    if known.host not in (None, host):
        return f"{name!r} is for {known.host}, and the repository is on {host}"
    if not known.knows_hosts:
        return f"{name!r} has no known_hosts to tell {host} by: give them, or take accept-new"
    return None


def _target_fault(name: str, known: Known, target: str) -> str | None:
    kind = FOR_TARGETS.get(target, "webhook")
    if known.kind != kind:
        return f"{name!r} is of kind {known.kind}: {target} takes {kind}"
    if target == "callback" and not known.signs:
        return f"{name!r} has no secret to sign with"
    return None


def _doubles(wanted: list[Use], named: Mapping[str, Known]) -> Iterator[tuple[str, str]]:
    """Find what ansible could not tell which of to take."""
    first: dict[tuple[str, str | None], str] = {}
    for use in wanted:
        if use.repository is not None or use.target is not None:
            continue
        kind, vault_id = named[use.name][:2]
        other = first.setdefault((kind, vault_id), use.field)
        if other != use.field:
            what = f"a second {kind}" + (f" with the vault id {vault_id!r}" if vault_id else "")
            yield use.field, f"{use.name!r} is {what}, beside {other}"
