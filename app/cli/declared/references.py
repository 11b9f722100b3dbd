"""Secrets by reference: `{env: NAME}` and `{file: PATH}`, never themselves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.cli.declared.yaml import Way

#: The fields of credentials and hooks that a file must not hold; none of a schedule is called so.
SECRET = ("password", "private_key", "passphrase", "token", "url", "secret", "secrets")
FORMS = ({"env"}, {"file"})


def names_of_references(body: Any) -> frozenset[str]:
    """The variables of a schedule that are named by reference."""
    values = body.get("vars") if isinstance(body, dict) else None
    if not isinstance(values, dict):
        return frozenset()
    return frozenset(
        name
        for name, value in values.items()
        if isinstance(name, str) and isinstance(value, dict) and set(value) in FORMS
    )


@dataclass
class Resolver:
    """Puts in what references stand for, and notes what is wrong with them."""

    environ: Mapping[str, str]
    #: Where paths begin: the directory of the YAML file.
    folder: Path
    faults: list[tuple[Way, str]] = field(default_factory=list)

    def resolve(self, body: Any, variables: Collection[str]) -> Any:
        """A credential, hook or schedule with its secrets in it, *variables* of it too."""
        if not isinstance(body, dict):
            return body
        whole = {name: self._field(name, value) for name, value in body.items()}
        for name in variables:
            found = self._looked_up(("vars", name), body["vars"][name])
            whole["vars"] = {**whole["vars"], name: found}
        return whole

    def _field(self, name: str, value: Any) -> Any:
        if name == "secrets" and isinstance(value, list):
            return [
                self._value((name, number), item, is_secret=True)
                for number, item in enumerate(value)
            ]
        return self._value((name,), value, is_secret=name in SECRET)

    def _value(self, way: Way, value: Any, *, is_secret: bool) -> Any:
        if isinstance(value, dict) and set(value) in FORMS:
            return self._looked_up(way, value)
        if is_secret and value is not None:
            self.faults.append((way, "must not stand in a file: {env: NAME} or {file: PATH}"))
            return None
        return value

    def _looked_up(self, way: Way, reference: dict[str, Any]) -> str | None:
        ((kind, name),) = reference.items()
        if not isinstance(name, str):
            self.faults.append((way, f"{kind} takes a name"))
            return None
        if kind == "env":
            if not (text := self.environ.get(name)):
                self.faults.append((way, f"the environment variable {name} is not set"))
            return text
        try:
            content = (self.folder / Path(name).expanduser()).read_text()
        except (OSError, ValueError, RuntimeError) as error:  # of ~ without a home, too
            reason = getattr(error, "strerror", None) or "it is no text"
            self.faults.append((way, f"{name} cannot be read: {reason}"))
            return None
        # An editor ends a line that is a password; a key's lines are its own.
        return content.removesuffix("\n") if content.count("\n") == 1 else content
