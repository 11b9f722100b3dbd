"""What a concurrency group is called, and which one a run is of."""

import pytest
from pydantic import ValidationError

from runner.acceptance import Refused, check
from runner.concurrency import Concurrency, Priority, Unnamed, group_of
from runner.template import Overrides, Template
from tests.api import TEMPLATE


def grouped(group: str, **more) -> dict:
    return {**TEMPLATE, **more, "concurrency": {"group": group}}


@pytest.mark.parametrize(
    ("group", "accepted", "name"),
    [
        ("prod", {}, "prod"),
        ("prod-{vars.region}", {"region": "eu"}, "prod-eu"),
        ("{vars.region}/{vars.number}", {"region": "eu", "number": 3}, "eu/3"),
        ("{vars.check}", {"check": True}, "true"),
        ("of {vars.fixed}", {}, "of template"),
        ("{vars.fixed}", {"fixed": "caller"}, "caller"),
        # What a caller gives is a value, and no template of anything.
        ("x-{vars.region}", {"region": "{vars.fixed} {{ 1 }}"}, "x-{vars.fixed} {{ 1 }}"),
    ],
)
def test_a_group_is_named_by_variables(group, accepted, name) -> None:
    spec = {"vars": {"fixed": "template"}, "concurrency": {"group": group}}

    assert group_of(spec, accepted) == name


@pytest.mark.parametrize("value", [None, ["a"], {"a": 1}, "x" * 200])
def test_what_names_no_group_is_told_without_its_value(value) -> None:
    with pytest.raises(Unnamed) as told:
        group_of({"concurrency": {"group": "prod-{vars.region}"}}, {"region": value})

    assert told.value.variable == "region"
    assert "xxx" not in str(told.value)


def test_a_template_without_one_is_of_no_group() -> None:
    assert group_of({}, {}) is None


@pytest.mark.parametrize("group", ["", "{", "}", "{vars}", "{vars.}", "{vars.a-b}", "a\nb", "{x}"])
def test_a_group_of_another_form_is_refused(group) -> None:
    with pytest.raises(ValidationError):
        Concurrency(group=group)


@pytest.mark.parametrize("limit", [0, 1001, "1"])
def test_limits(limit) -> None:
    with pytest.raises(ValidationError):
        Concurrency.model_validate({"group": "a", "limit": limit})


@pytest.mark.parametrize(("name", "fault"), [("nothing", "no variable"), ("password", "is secret")])
def test_a_template_names_only_variables_that_it_has(name, fault) -> None:
    with pytest.raises(ValidationError, match=fault):
        Template.model_validate(grouped(f"prod-{{vars.{name}}}"))


def test_what_the_group_needs_is_asked_of_the_caller() -> None:
    template = Template.model_validate(grouped("prod-{vars.version}"))

    with pytest.raises(Refused) as told:
        check(template, {}, Overrides())
    check(template, {"version": "1.2"}, Overrides())

    assert told.value.faults[0][0] == "vars.version"


def test_priorities_are_names_of_ranks() -> None:
    assert [Priority.of(each.rank) for each in Priority] == list(Priority)
    assert Priority.HIGH.rank > Priority.NORMAL.rank > Priority.LOW.rank
