"""What a playbook hands on: taken as a stranger's, and without secrets."""

import pytest

from runner.masks import Mask
from runner.set_stats import DEEPEST, LONGEST, NAME, masked_set, read_set


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_what_was_set_is_taken_as_it_is() -> None:
    value = {"version": "1.2", "count": 3, "on": True, "hosts": ["a", {"b": None}], "share": 0.5}

    assert read_set(value) == value


@pytest.mark.parametrize(
    "value", [None, [], "text", 3, {"a": "x" * LONGEST}, nested(DEEPEST + 5), nested(5000)]
)
def test_what_is_none_too_large_or_too_deep_is_nothing(value: object) -> None:
    assert read_set(value) == {}


def test_a_name_that_no_variable_has_is_left_out() -> None:
    assert read_set({"a" * (NAME + 1): 1, "b": 2}) == {"b": 2}


def test_what_postgres_does_not_keep_is_written_otherwise() -> None:
    assert "\0" not in read_set({"a": "x\0y"})["a"]


def test_secrets_are_stars_in_texts_numbers_and_names() -> None:
    mask = Mask({"one": "hush-hush", "two": 12345678})

    told = masked_set({"a": "x hush-hush", "b": [12345678, 5], "hush-hush": {"c": True}}, mask)

    assert told == {"a": "x ********", "b": ["********", 5], "********": {"c": True}}
