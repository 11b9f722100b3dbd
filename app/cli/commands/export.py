"""`curtain export`: what a server has, as the files that `curtain apply` reads."""

import re
from pathlib import Path
from typing import Any

import click

from app.cli.call import Call, takes_call
from app.cli.errors import WrongUsage
from app.cli.out import note

#: The fields of each kind of credential that the API does not show, and a file cannot hold.
HIDDEN: dict[str, tuple[str, ...]] = {
    "git_https": ("password",),
    "ssh_key": ("private_key",),
    "become_password": ("password",),
    "vault_password": ("password",),
    "login_password": ("password",),
    "api_token": ("token",),
    "webhook": ("url",),
}
#: What the API shows of them and does not take.
TOLD = ("public_key", "fingerprint", "signed", "known_hosts")


@click.command()
@click.argument("folder", metavar="[DIR]", required=False)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@takes_call
def export(call: Call, folder: str | None, force: bool) -> None:
    """Write what the server has as YAML: to standard output, or one file a kind into DIR.

    Secrets are not told by any server: the files name environment variables in their place.
    """
    from app.cli.declared import yaml
    from app.cli.declared.plan import read_server

    declared = declare(read_server(call.client))
    if call.as_json:
        call.out.document(declared)
    elif folder is None:
        call.out.write(yaml.dump(declared))
    else:
        texts = {
            Path(folder) / f"{kind}.yml": yaml.dump({kind: each}) for kind, each in declared.items()
        }
        _write(texts, force=force)
    if names := sorted(_variables(declared)):
        note(f"secrets are to be in the environment: {', '.join(names)}")


def declare(server: dict[Any, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Everything in the form of the files, with references for secrets."""
    from app.cli.declared.objects import KINDS, short

    declared: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for (kind, name), answer in server.items():
        fields = short(kind, answer)
        if kind == "credentials":
            fields = _with_references(name, fields)
        elif kind == "hooks" and answer["has_secret"]:
            fields = {**fields, "secret": _reference(name, "secret")}
        elif kind == "schedules" and answer["secret_vars"]:
            hidden = {each: _reference(name, each) for each in answer["secret_vars"]}
            fields = {**fields, "vars": {**fields.get("vars", {}), **hidden}}
        declared[kind][name] = fields
    return declared


def _with_references(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    hidden = [*HIDDEN[fields["kind"]]]
    hidden += ["known_hosts"] if fields.get("known_hosts") else []
    hidden += ["secret"] if fields.get("signed") else []
    host_is_told = fields["kind"] in ("api_token", "webhook")  # of the URL, which has it all
    kept = {
        key: value
        for key, value in fields.items()
        if key not in TOLD and not (key == "host" and host_is_told)
    }
    if fields["kind"] == "api_token":
        hidden.append("base_url")
    return {**kept, **{field: _reference(name, field) for field in hidden}}


def _reference(name: str, field: str) -> dict[str, str]:
    return {"env": re.sub("[^A-Z0-9]", "_", f"{name}_{field}".upper())}


def _variables(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    if set(value) == {"env"} and isinstance(value["env"], str):
        return {value["env"]}
    return set().union(*map(_variables, value.values()))


def _write(texts: dict[Path, str], *, force: bool) -> None:
    """Write all files, or none."""
    try:
        there = [file for file, text in texts.items() if file.exists() and file.read_text() != text]
        if there and not force:
            names = ", ".join(map(str, there))
            raise WrongUsage(f"{names}: there already, with something else in it; --force")
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    except OSError as error:
        raise WrongUsage(f"{error.filename} cannot be written: {error.strerror}") from None
