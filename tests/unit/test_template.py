"""What a template may say, and what it takes of a caller."""

import time
from typing import Any

import pytest
from pydantic import ValidationError

from runner.acceptance import Refused, check
from runner.template import Overrides, Template

PLAYBOOK = {"repository": "https://git.example/ops.git", "path": "site.yml"}
LEAST: dict[str, Any] = {"playbook": PLAYBOOK, "inventory": {"content": "web1\n"}}


def template(**more: Any) -> Template:
    """Make a template that says *more* than the least."""
    return Template.model_validate(LEAST | more)


def faults(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The places of what is wrong with *payload*."""
    with pytest.raises(ValidationError) as caught:
        Template.model_validate(payload)
    return [fault["loc"] for fault in caught.value.errors()]


def refusals(given: dict[str, Any], wanted: dict[str, Any], /, **more: Any) -> dict[str, str]:
    """What is refused of a caller's wishes, and why."""
    with pytest.raises(Refused) as caught:
        check(template(**more), given, Overrides.model_validate(wanted))
    return dict(caught.value.faults)


def test_a_template_fills_in_its_defaults_once() -> None:
    spec = template().spec()

    assert (spec["playbook"]["ref"], spec["playbook"]["submodules"]) == ("HEAD", False)
    assert (spec["timeout"], spec["grace"], spec["options"]) == (3600, 10, {})
    assert Template.model_validate(spec).spec() == spec


def test_a_null_among_its_variables_is_kept() -> None:
    assert template(vars={"proxy": None}).spec()["vars"] == {"proxy": None}


@pytest.mark.parametrize(
    "inventory",
    [
        {"content": "web1\n"},  # its own
        {"path": "inventories/prod"},  # beside the playbook
        {"repository": "ssh://git@git.example/inv.git", "ref": "main", "path": "prod"},  # elsewhere
    ],
)
def test_an_inventory_has_one_of_three_shapes(inventory: dict[str, str]) -> None:
    assert template(inventory=inventory).spec()["inventory"].items() >= inventory.items()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://u:secret@git.example/x.git", "a password would be shown to everybody"),
        ("https://token@git.example/x.git", "a token is a password"),
        ("ssh://git:secret@git.example/x.git", "so is one for ssh"),
        ("ssh://-oProxyCommand=id/x", "ssh takes the host for an option"),
        ("ssh://git@-oProxyCommand=id/x", "also behind a user"),
        ("ssh://%2doProxyCommand=id/x", "also when written otherwise"),
        ("ext::sh -c id", "a helper of git that runs commands"),
        ("git@git.example:ops.git", "a path, as urls go; ssh:// says the same"),
        ("http://git.example/x.git", "anybody on the way may change the playbook"),
        ("file://host/srv/x.git", "a host means nothing there"),
        ("https:///x.git", "no host"),
        ("https://git.example/x y", "a space"),
        ("https://git.example:foo/x.git", "no port"),
        ("https://git.example:/x.git", "an empty one"),
        ("ssh://git@git.example:65536/x.git", "none that there is"),
        ("ssh://git@git.example:0/x.git", "nor is that"),
        ("https://git.example/x%00.git", "no path holds a NUL"),
        ("file:///srv/x%0A.git", "nor a line's end"),
        ("https://git.example/x.git?ref=main", "a query, which git would ask the server for"),
        ("https://git.example/x.git#main", "a fragment"),
        ("HTTPS://git.example/x.git", "capitals, which git takes for another helper"),
        ("-uid", "an option of git"),
        ("", "nothing"),
    ],
)
def test_a_repository_that_is_refused(url: str, why: str) -> None:
    assert faults(LEAST | {"playbook": PLAYBOOK | {"repository": url}}), why


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example:8443/ops.git",
        "ssh://git@git.example/ops.git",  # a user is no secret
        "ssh://git@[2001:db8::1]:2222/ops.git",
        "file:///srv/git/ops.git",
    ],
)
def test_a_repository_that_is_taken(url: str) -> None:
    assert template(playbook=PLAYBOOK | {"repository": url})


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("ref", "--upload-pack=id", "an option of git"),
        ("ref", "a..b", "a range"),
        ("ref", "a b", "no branch can be called so"),
        ("ref", "main\n", "a control character"),
        ("ref", "HEAD~1", "an expression"),
        ("ref", "", "nothing"),
        ("path", "-e", "an option of ansible-playbook"),
        ("path", "/etc/passwd", "outside the repository"),
        ("path", "a/../../b", "outside the repository"),
        ("path", "a\x00b", "no path has a NUL"),
        ("path", "", "nothing"),
        ("project", "-C", "an option"),
        ("project", "..", "outside the repository"),
        ("project", "/srv", "outside the repository, too"),
    ],
)
def test_a_ref_or_path_that_is_refused(field: str, value: str, why: str) -> None:
    assert faults(LEAST | {"playbook": PLAYBOOK | {field: value}}) == [("playbook", field)], why


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"nope": 1}, "nope"),  # unknown
        ({"timeout": "60"}, "timeout"),  # a string is no integer
        ({"timeout": True}, "timeout"),  # a boolean is none either
        ({"timeout": 0}, "timeout"),  # it would end at once
        ({"timeout": 604_801}, "timeout"),  # more than a week
        ({"grace": 301}, "grace"),
        ({"grace": float("nan")}, "grace"),
        ({"options": {"forks": 501}}, "options"),
        ({"options": {"verbosity": 7}}, "options"),
        ({"options": {"limit": ""}}, "options"),  # --limit= means all hosts
        ({"options": {"limit": " , :"}}, "options"),  # so does this
        ({"options": {"limit": "web,@/etc/shadow"}}, "options"),  # ansible reads the file
        ({"options": {"limit": "web:!@hosts"}}, "options"),
        ({"options": {"limit": "-web"}}, "options"),
        ({"options": {"tags": []}}, "options"),
        ({"options": {"tags": ["a,b"]}}, "options"),  # two tags in one
        ({"options": {"tags": [""]}}, "options"),
        ({"overrides": ["become"]}, "overrides"),  # not for callers
        ({"vars": {"not-a-name": 1}}, "vars"),
        ({"vars": {"class": 1}}, "vars"),  # Python's keywords are no variables
        ({"environment": {"CURTAIN_RUN": "7"}}, "environment"),  # it marks the family
        ({"environment": {"A=B": "7"}}, "environment"),
        ({"environment": {"A": 7}}, "environment"),
        ({"inventory": {}}, "inventory"),
        ({"inventory": "hosts"}, "inventory"),
        ({"inventory": {"content": "web1", "path": "hosts"}}, "inventory"),  # which?
    ],
)
def test_a_template_that_is_refused(more: dict[str, Any], place: str) -> None:
    assert {loc[0] for loc in faults(LEAST | more)} == {place}


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "text"},  # unknown type
        {"type": "string", "default": 5},  # breaks its own rule
        {"type": "string", "choices": ["a"], "default": "b"},
        {"type": "integer", "choices": [1, 2.5]},
        {"type": "integer", "choices": []},  # nothing could be given
        {"type": "boolean", "choices": [1]},
        {"type": "integer", "pattern": "[0-9]+"},  # patterns are for strings
        {"type": "string", "minimum": 1},
        {"type": "string", "pattern": "("},  # does not compile
        {"type": "string", "pattern": "a)|(b"},  # would match more than the whole
        {"type": "string", "pattern": r"(a)\1"},  # takes exponential time
        {"type": "string", "secret": True, "default": "x"},  # whoever reads the template knows it
        {"type": "string", "required": True, "default": "x"},
    ],
)
def test_a_rule_that_is_refused(rule: dict[str, Any]) -> None:
    assert faults(LEAST | {"accepts": {"v": rule}})


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth - 1):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("rule", "value", "fault"),
    [
        ({"type": "integer"}, 5, None),
        ({"type": "integer"}, "5", "must be an integer"),  # nothing is converted
        ({"type": "integer"}, 5.0, "must be an integer"),
        ({"type": "integer"}, True, "must be an integer"),  # Python thinks that it is
        ({"type": "integer"}, None, "must be an integer"),
        ({"type": "number"}, 5, None),  # an integer is a number
        ({"type": "number"}, 5.5, None),
        ({"type": "number"}, False, "must be a number"),
        ({"type": "boolean"}, False, None),
        ({"type": "boolean"}, 0, "must be a boolean"),
        ({"type": "boolean"}, "yes", "must be a boolean"),
        ({"type": "string"}, "", None),
        ({"type": "string"}, 5, "must be a string"),
        ({"type": "list"}, [1, "a"], None),
        ({"type": "list"}, "a,b", "must be a list"),
        ({"type": "object"}, {"a": 1}, None),
        ({"type": "object"}, [], "must be an object"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, 1, None),
        ({"type": "integer", "minimum": 1}, 0, "must be 1 or more"),
        ({"type": "number", "maximum": 0.5}, 0.6, "must be 0.5 or less"),
        ({"type": "string", "choices": ["a", "b"]}, "b", None),
        ({"type": "string", "choices": ["a", "b"]}, "c", "must be one of the template's choices"),
        ({"type": "string", "pattern": "[0-9.]+"}, "1.2", None),
        ({"type": "string", "pattern": "[0-9.]+"}, "1.2;id", "must match [0-9.]+"),  # as a whole
        ({"type": "string", "pattern": "[0-9.]+"}, "1.2\n", "must match [0-9.]+"),  # to the end
        ({"type": "string", "pattern": "a|b"}, "ab", "must match a|b"),
        ({"type": "string", "max_length": 2}, "abc", "must not be longer than 2"),
        ({"type": "string"}, "a" * 10_001, "must not be longer than 10000"),
        ({"type": "list", "max_length": 0}, [1], "must not be longer than 0"),
        # What JSON readers take and Postgres does not: hooks and chats bring it here.
        ({"type": "number"}, float("nan"), "is beyond a double"),
        ({"type": "number"}, float("-inf"), "is beyond a double"),
        ({"type": "integer"}, 2**63, "is beyond 64 bits"),
        ({"type": "string"}, "a\0", "holds a NUL character"),
        ({"type": "string"}, "a\ud800", "holds half of a surrogate pair"),
        ({"type": "list"}, [["\0"]], "holds a NUL character"),
        ({"type": "object"}, {"\0": 1}, "holds a name with a NUL character"),
        ({"type": "object"}, {"a": {"b": float("inf")}}, "is beyond a double"),
        ({"type": "list"}, nested(100), None),
        ({"type": "list"}, nested(101), "is nested more than 100 deep"),
    ],
)
def test_a_variable_keeps_its_rule(rule: dict[str, Any], value: Any, fault: str | None) -> None:
    taker = template(accepts={"v": rule})
    if fault is None:
        assert check(taker, {"v": value}, Overrides()).values == {"v": value}
    else:
        assert refusals({"v": value}, {}, accepts={"v": rule}) == {"vars.v": fault}


def test_no_pattern_takes_long() -> None:
    began = time.process_time()

    refusals({"v": "a" * 9_999 + "b"}, {}, accepts={"v": {"type": "string", "pattern": "(a+)+"}})

    assert time.process_time() - began < 1


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert refusals(
        {"count": "5", "nope": 1},
        {"limit": "web", "ref": "main"},
        accepts={"count": {"type": "integer"}, "version": {"type": "string", "required": True}},
        overrides=["ref"],
    ) == {
        "vars.nope": "is not accepted by this template",
        "vars.count": "must be an integer",
        "vars.version": "is required",
        "limit": "cannot be overridden in this template",
    }


def test_a_refusal_never_repeats_a_value() -> None:
    with pytest.raises(Refused) as caught:
        check(
            template(accepts={"password": {"type": "string", "secret": True, "max_length": 3}}),
            {"password": "hunter2", "nope": "hunter2"},
            Overrides(),
        )

    assert "hunter2" not in str(caught.value)


def test_defaults_are_filled_in_and_secrets_kept_apart() -> None:
    accepted = check(
        template(
            accepts={
                "count": {"type": "integer", "default": 3},
                "region": {"type": "string"},
                "password": {"type": "string", "secret": True},
            },
            overrides=["check", "limit"],
        ),
        {"password": "hunter2"},
        Overrides(check=False, limit="web"),
    )

    assert accepted.values == {"count": 3}
    assert accepted.secrets == {"password": "hunter2"}
    assert accepted.overrides == {"check": False, "limit": "web"}
