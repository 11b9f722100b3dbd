"""What a caller gives for one run, and whether the template accepts it. Pure."""

from typing import Any, NamedTuple

from pydantic import JsonValue

from runner.concurrency import Unnamed, group_of
from runner.errors import RunnerError
from runner.masks import to_hide
from runner.template import Overrides, Template

MOST_SECRETS = 1000  # lines and values; each is looked for in all that a run prints


class Accepted(NamedTuple):
    """What a caller gave and may give, with the defaults."""

    values: dict[str, JsonValue]
    #: Those to be encrypted.
    secrets: dict[str, JsonValue]
    overrides: dict[str, Any]


class Refused(RunnerError):
    """The template does not accept this."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        """Name every fault as field and message; a message never repeats a value."""
        super().__init__("; ".join(f"{field} {message}" for field, message in faults))
        self.faults = faults


def check(template: Template, given: dict[str, JsonValue], overrides: Overrides) -> Accepted:
    """Take what the template accepts. Raise Refused naming everything that it does not."""
    wanted = overrides.model_dump(exclude_none=True)
    faults = [*_variable_faults(template, given), *_override_faults(template, wanted)]
    if faults:
        raise Refused(faults)
    values = {
        name: given.get(name, rule.default)
        for name, rule in template.accepts.items()
        if name in given or rule.default is not None
    }
    secrets = {name: values.pop(name) for name in list(values) if template.accepts[name].secret}
    if template.concurrency is not None:
        try:
            group_of(template.spec(), values)
        except Unnamed as error:
            raise Refused([(f"vars.{error.variable}", error.fault)]) from None
    if len(to_hide(secrets)) > MOST_SECRETS:
        raise Refused([("vars", f"hold more than {MOST_SECRETS} texts to be kept secret")])
    return Accepted(values, secrets, wanted)


def _variable_faults(template: Template, given: dict[str, JsonValue]) -> list[tuple[str, str]]:
    faults = [
        (f"vars.{name}", "is not accepted by this template")
        for name in given
        if name not in template.accepts
    ]
    for name, rule in template.accepts.items():
        fault = "is required" if rule.required else None
        if name in given:
            fault = rule.fault(given[name])
        if fault:
            faults.append((f"vars.{name}", fault))
    return faults


def _override_faults(template: Template, wanted: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, "cannot be overridden in this template")
        for name in wanted
        if name not in template.overrides
    ]
