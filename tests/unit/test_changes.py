"""What of a template has changed."""

import pytest

from runner.changes import LONGEST, changes


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [("a.c", 2, None)]),
        ({}, {"a": {"b": 1}}, [("a", None, {"b": 1})]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1])]),  # lists as a whole
        ({"a": 1}, {"a": True}, [("a", 1, True)]),  # equal in Python, not in JSON
        ({"a": {}}, {"a": 1}, [("a", {}, 1)]),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, [("a", 1, 2), ("b", 1, 2)]),  # by name
    ],
)
def test_each_field_is_told_with_both_its_values(then, now, told):
    assert list(changes(then, now)) == told


def test_a_long_text_is_cut():
    ((_, then, now),) = changes({"a": "x" * 5000}, {"a": {"b": ["y" * 5000]}})

    assert then == "x" * LONGEST + "… (5000 characters)"
    assert now["b"][0].startswith("y" * LONGEST + "…")
