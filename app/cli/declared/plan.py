"""What has to change on a server so that it is as files declare."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.cli.client import Client, at
from app.cli.declared import yaml
from app.cli.declared.files import Reading, Unfit
from app.cli.declared.objects import KINDS, ONE, Declared, Key, Kind, kept, known_of
from app.cli.errors import Answered, CliError
from runner import uses

Kept = dict[Key, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """One object that is not as it is declared."""

    kind: Kind
    name: str
    #: What is there; None: nothing.
    before: dict[str, Any] | None
    #: What is declared; None: it is taken away.
    after: Declared | None
    #: The secret fields that are others by now.
    secrets: Sequence[str] = ()

    @property
    def action(self) -> str:
        """What is done."""
        if self.after is None:
            return "delete"
        return "create" if self.before is None else "change"

    def difference(self) -> str:
        """The change as a unified diff; secrets only as that they differ."""
        before = yaml.dump(self.before, is_sorted=True) if self.before else ""
        after = yaml.dump(self.after.shown, is_sorted=True) if self.after else ""
        named = f"{self.kind}/{self.name}"
        where = f"{self.after.place} {named}" if self.after else "/dev/null"
        lines = list(
            difflib.unified_diff(
                before.splitlines(),
                after.splitlines(),
                f"server {named}" if self.before else "/dev/null",
                where,
                lineterm="",
            )
        )
        if self.secrets and not lines:
            lines = [f"--- server {named}", f"+++ {where}"]
        for name in self.secrets:
            lines += [f"-{name}: ********", f"+{name}: ******** (another one)"]
        return "\n".join(lines)

    def told(self) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "action": self.action,
            "kind": ONE[self.kind],
            "name": self.name,
            "place": self.after.place if self.after else None,
            "difference": self.difference(),
        }


class NotApplied(CliError):
    """The server refused a change; those before it are made."""

    title = "Not applied"

    def __init__(self, change: Change, error: CliError, done: Sequence[Change]) -> None:
        """Tell where it ended, and what is done."""
        where = f"{change.after.place}: " if change.after else ""
        made = f"; {len(done)} made before it, and kept" if done else "; nothing was changed"
        super().__init__(f"{where}{ONE[change.kind]} {change.name}: {error}{made}")
        self.exit = error.exit
        self._answered = error.problem()
        self._done = done

    def problem(self) -> dict[str, Any]:
        """What the server said, and what is done."""
        done = [change.told() for change in self._done]
        return {**self._answered, "detail": str(self), "done": done}


def read_server(client: Client, kinds: Sequence[Kind] = KINDS) -> Kept:
    """Everything that the server has of these kinds."""
    return {
        (kind, answer["name"]): answer
        for kind in kinds
        for answer in client.pages(f"/{kind}", kind)
    }


def plan(client: Client, reading: Reading, *, prune: bool) -> list[Change]:
    """What is to be done, in its order. Raise Unfit for what names something that is not there.

    *prune* takes away what is not declared, of the kinds that are.
    """
    server = read_server(client)
    gone = [
        key for key in server if prune and key[0] in reading.kinds and key not in reading.objects
    ]
    _check_names(reading, {key: answer for key, answer in server.items() if key not in gone})
    changes = [
        change
        for kind in KINDS
        for declared in reading.objects.values()
        if declared.kind == kind and (change := _change(client, declared, server))
    ]
    for kind in reversed(KINDS):
        changes += [
            Change(kind, key[1], kept(kind, server[key]), None) for key in gone if key[0] == kind
        ]
    return changes


def _change(client: Client, declared: Declared, server: Kept) -> Change | None:
    answer = server.get(declared.key)
    if answer is None:
        return Change(declared.kind, declared.name, None, declared)
    before = kept(declared.kind, answer)
    secrets = _other_secrets(client, declared, before)
    if before == declared.shown and not secrets:
        return None
    return Change(declared.kind, declared.name, before, declared, secrets)


def _other_secrets(client: Client, declared: Declared, before: dict[str, Any]) -> list[str]:
    """The fields that differ and look the same: the server compares, and shows none of them."""
    match declared.kind:
        case "credentials":
            body = declared.body
        case "hooks" if declared.secrets:
            body = {"secrets": declared.secrets}
        case "schedules" if declared.referenced:
            given = declared.body["vars"]
            body = {"vars": {name: given[name] for name in declared.referenced}}
        case _:
            return []
    compared = client.call("POST", f"{at(declared.kind, declared.name)}/compare", body)
    different: list[str] = compared["different"]
    return [name for name in different if before.get(name) == declared.shown.get(name)]


def _check_names(reading: Reading, server: Kept) -> None:
    """Raise Unfit for uses of what is neither declared nor on the server."""
    known = {
        name: known_of(answer) for (kind, name), answer in server.items() if kind == "credentials"
    }
    known |= {each.name: each.known for each in reading.objects.values() if each.known}
    templates = {
        name: answer["spec"] for (kind, name), answer in server.items() if kind == "templates"
    }
    templates |= {
        name: each.shown for (kind, name), each in reading.objects.items() if kind == "templates"
    }
    faults = []
    for declared in reading.objects.values():
        for where, words in _name_faults(declared, known, templates):
            way = (declared.kind, declared.name, *_steps(where))
            document = reading.documents[declared.key]
            faults.append((document.place(way), ".".join(map(str, way)), words))
    if faults:
        raise Unfit(faults)


def _name_faults(
    declared: Declared, known: dict[str, uses.Known], templates: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    if declared.kind == "templates":
        yield from uses.faults(declared.shown, known)
    if declared.kind == "schedules":
        yield from _schedule_faults(declared, templates)
    if declared.kind == "hooks":
        template, credential = (declared.shown.get(each) for each in ("template", "credential"))
        if template is not None and template not in templates:
            yield "template", f"there is no template {template!r}"
        if credential is not None and credential not in known:
            yield "credential", f"there is no credential {credential!r}"


def _schedule_faults(declared: Declared, templates: dict[str, Any]) -> Iterator[tuple[str, str]]:
    template = declared.shown["template"]
    if template not in templates:
        yield "template", f"there is no template {template!r}"
        return
    accepts = templates[template].get("accepts", {})
    for name in declared.body.get("vars", {}):
        is_secret = accepts.get(name, {}).get("secret", False)
        if is_secret and name not in declared.referenced:
            yield f"vars.{name}", "must not stand in a file: {env: NAME} or {file: PATH}"
        elif name in declared.referenced and not is_secret:
            yield f"vars.{name}", f"is not secret in {template}: write its value here"


def _steps(field: str) -> list[str | int]:
    return [int(step) if step.isdecimal() else step for step in field.split(".")]


@dataclass
class Applying:
    """Makes changes, one after another."""

    client: Client
    done: list[Change] = field(default_factory=list)

    def make(self, changes: Sequence[Change]) -> Iterator[Change]:
        """Make each and tell it. Raise NotApplied at the first that is refused."""
        for change in changes:
            try:
                self._make(change)
            except CliError as error:
                raise NotApplied(change, error, self.done) from None
            self.done.append(change)
            yield change

    def _make(self, change: Change) -> None:
        path = at(change.kind, change.name)
        if change.after is not None:
            self.client.call("PUT", path, change.after.body)
            return
        try:
            self.client.call("DELETE", path)
        except Answered as error:
            if error.status != 404:  # gone is gone, whoever has done it
                raise
