"""Which events a hook runs for: globs, rules and their reasons."""

import time
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.hooks import globs, rules
from app.hooks.event import Event
from app.hooks.rules import Finding, Rule
from runner import linear

RULE: TypeAdapter[Any] = TypeAdapter(Rule)
EVENT = Event(
    event="push",
    ref="refs/heads/release/1",
    sha="a" * 40,
    actor="ada",
    forced=False,
    paths=("roles/web/tasks/main.yml", "README.md"),
    message="Release",
)
CONTENT: dict[str, Any] = {"commits": [{"id": "x"}], "count": 1, "flag": True, "a/b": {"~": "odd"}}


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("main", "main", True),
        ("main", "mainline", False),
        ("release/*", "release/1", True),
        ("release/*", "release/1/2", False),
        ("release/**", "release/1/2", True),
        ("**", "a/b", True),
        ("**/x.yml", "x.yml", True),
        ("**/x.yml", "a/b/x.yml", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("v?", "v1", True),
        ("v?", "v/", False),
        ("v[0-9]", "v5", True),
        ("v[!0-9]", "v5", False),
        ("v[!0-9]", "vx", True),
        ("a[", "a[", True),
        ("a.b", "axb", False),
        ("{{x}}", "{{x}}", True),
        ("é*", "éa", True),
        ("*", "a\nb", True),
    ],
)
def test_globs_are_those_of_gitignore(pattern: str, text: str, holds: bool) -> None:
    assert globs.matches_any([pattern], text) is holds


def test_many_globs_are_quick_with_as_many_paths_as_a_push_names() -> None:
    patterns = [f"a{number}/**/*.[ch]x{number}" for number in range(100)]
    paths = [f"src/folder{number}/file.py" for number in range(10_000)]
    began = time.process_time()

    assert not any(globs.matches_any(patterns, path) for path in paths)

    assert time.process_time() - began < 5  # seconds; some 0.5, and it was 30


def test_no_text_keeps_a_pattern_busy() -> None:
    assert not globs.matches_any(["*a" * 50], "a" * 5000 + "b")
    assert not linear.found("(a+)+$", "a" * 5000 + "b")


@pytest.mark.parametrize(
    ("patterns", "text", "holds"),
    [
        (["main", "!main"], "main", False),
        (["!docs/**"], "roles/x", True),  # nothing but what is excluded
        (["!docs/**"], "docs/x", False),
        (["**", "!docs/**"], "docs/x", False),
    ],
)
def test_a_pattern_behind_an_exclamation_mark_excludes(
    patterns: list[str], text: str, holds: bool
) -> None:
    assert globs.matches_any(patterns, text) is holds


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"equals": {"event": "push"}}, True),
        ({"equals": {"event": "push", "actor": "bob"}}, False),
        ({"equals": {"forced": False}}, True),
        ({"equals": {"/flag": True}}, True),
        ({"equals": {"/flag": 1}}, False),  # JSON's true is not 1
        ({"equals": {"/count": 1}}, True),
        ({"equals": {"/count": "1"}}, False),
        ({"equals": {"/commits/0/id": "x"}}, True),
        ({"equals": {"/commits/1/id": "x"}}, False),
        ({"equals": {"/commits/-1/id": "x"}}, False),
        ({"equals": {"/a~1b/~0": "odd"}}, True),
        ({"equals": {"tag": None}}, True),
        ({"in": {"actor": ["ada", "bob"]}}, True),
        ({"in": {"actor": ["bob"]}}, False),
        ({"glob": {"branch": "release/*"}}, True),
        ({"glob": {"branch": ["main", "dev"]}}, False),
        ({"glob": {"paths": "roles/**"}}, True),
        ({"glob": {"paths": "docs/**"}}, False),
        ({"matches": {"message": "^Rel"}}, True),
        ({"matches": {"/count": "1"}}, False),  # no text
        ({"not": {"equals": {"actor": "bob"}}}, True),
        ({"all": [{"equals": {"event": "push"}}, {"equals": {"actor": "bob"}}]}, False),
        ({"any": [{"equals": {"event": "tag"}}, {"equals": {"actor": "ada"}}]}, True),
        ({"any": [{"equals": {"event": "tag"}}, {"equals": {"actor": "bob"}}]}, False),
    ],
)
def test_rules_hold_or_not(rule: Any, holds: bool) -> None:
    assert rules.judge(RULE.validate_python(rule), EVENT, CONTENT).holds is holds


@pytest.mark.parametrize(
    "rule",
    [
        {"glob": {"paths": "docs/**"}},
        {"not": {"glob": {"paths": "docs/**"}}},  # silence is no proof of the opposite either
        {"all": [{"equals": {"event": "push"}}, {"glob": {"paths": "docs/**"}}]},
        {"any": [{"equals": {"event": "tag"}}, {"glob": {"paths": "docs/**"}}]},
    ],
)
def test_paths_that_nobody_has_told_are_neither_true_nor_false(rule: Any) -> None:
    event = Event(event="push", ref="refs/heads/main", paths=None)

    assert rules.judge(RULE.validate_python(rule), event, {}).holds is None


def test_a_rule_about_who_has_pushed_does_not_hold_for_nobody() -> None:
    rule = RULE.validate_python({"in": {"actor": ["ada"]}})

    assert rules.judge(rule, Event(event="push"), {}).holds is False


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"glob": {"branch": ["main", "dev"]}}, "branch release/1 not in main, dev"),
        ({"in": {"actor": ["bob"]}}, "actor ada not in bob"),
        ({"matches": {"message": "^x"}}, "message Release not matching ^x"),
        ({"equals": {"/nothing": 1}}, "/nothing (nothing) not in 1"),
        ({"not": {"equals": {"actor": "ada"}}}, "actor ada in ada"),
        (
            {"any": [{"equals": {"event": "tag"}}, {"equals": {"actor": "bob"}}]},
            "event push not in tag; actor ada not in bob",
        ),
    ],
)
def test_a_rule_tells_why(rule: Any, why: str) -> None:
    assert rules.judge(RULE.validate_python(rule), EVENT, CONTENT) == Finding(False, why)
