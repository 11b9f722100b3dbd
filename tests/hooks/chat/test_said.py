"""What was said, within bounds."""

import pytest

from app.hooks import said
from app.hooks.incoming import Unreadable


def test_a_text_has_bounds():
    assert said.typed("x" * 4000) == "x" * 4000
    with pytest.raises(Unreadable):
        said.typed("x" * 4001)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("U1", "U1"),
        (21, "21"),
        (-100123, "-100123"),
        (0, "0"),
        ("", None),
        (True, None),
        (2**63, None),
    ],
)
def test_an_id_is_a_text_or_a_number(value, found):
    assert said.identity({"id": value}, "/id") == found


def test_a_number_of_any_length_is_no_error():
    assert said.identity({"id": 10**5000}, "/id") is None  # str() of it raises ValueError


@pytest.mark.parametrize("value", ["x" * 101, "a\nb", "\u202eU1", "\ud800"])
def test_what_cannot_be_shown_is_no_id(value):
    with pytest.raises(Unreadable):
        said.identity({"id": value}, "/id")


def test_the_first_place_with_an_id_counts():
    assert said.identity({"a": None, "b": "B", "c": "C"}, "/a", "/b", "/c") == "B"


def test_a_name_is_cut_to_what_can_be_shown():
    assert said.called({"name": "Al\nice\u202e" + "x" * 200}, "/name") == "Alice" + "x" * 93
    assert said.called({"name": 7}, "/name") == ""


def test_a_delivery_is_told_apart_by_all_of_its_parts():
    assert said.delivery("a", "b") == "a.b"
    assert said.delivery("a", None) == said.delivery("", "b") == said.secret_delivery(None) == ""


@pytest.mark.parametrize("odd", ["x" * 10_000, "a\nb", "\ud800"])
def test_an_odd_delivery_is_hashed(odd):
    assert len(said.delivery(odd)) == 64
    assert said.delivery(odd) == said.delivery(odd) != said.delivery(odd + "x")


def test_a_delivery_that_opens_something_is_never_kept():
    assert "13345.trigger" not in said.secret_delivery("13345.trigger")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("&lt;&amp;&gt;", "<&>"),
        ("&amp;lt;", "&lt;"),
        ("a&nbsp;b", "a b"),
        ("?a=1&copy=2", "?a=1&copy=2"),
    ],
)
def test_entities_are_undone_once(text, meant):
    assert said.unescaped(text) == meant
