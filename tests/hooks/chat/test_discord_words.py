"""Discord's forms, as the text that somebody would have typed."""

import pytest

from app.hooks.discord_words import words
from app.hooks.incoming import Unreadable


def option(name, value, type_=3):
    return {"name": name, "type": type_, "value": value}


def inner(name, *options, type_=1):
    return {"name": name, "type": type_, "options": list(options)}


def command(name, *options):
    return {"type": 2, "data": {"name": name, "type": 1, "options": list(options)}}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (command("curtain"), ""),
        (command("runs"), "runs"),
        (command("curtain", option("text", "run deploy v=1")), "run deploy v=1"),
        (command("ansible", option("text", "run deploy v=1")), "run deploy v=1"),
        (command("curtain", option("command", "help")), "help"),
        (command("curtain", option("text", "")), ""),
        (command("stop", option("id", 42, 4)), "stop 42"),
        (command("curtain", inner("runs")), "runs"),
        (command("curtain", inner("stop", option("id", 42, 4))), "stop 42"),
        (
            command(
                "curtain",
                inner(
                    "stop",
                    option("reason", "too slow"),
                    option("force", True, 5),
                    option("id", 42, 4),
                ),
            ),
            "stop 42 force too slow",
        ),
        (command("stop", option("id", 42, 4), option("force", False, 5)), "stop 42"),
        (command("rerun", option("id", 42, 4), option("failed", True, 5)), "rerun 42 failed"),
        (
            command(
                "curtain",
                inner("run", option("limit", "web1,web2"), option("template", "deploy-web")),
            ),
            "run deploy-web limit=web1,web2",
        ),
        (
            command(
                "run", option("template", "deploy"), option("vars", "a=1 b=2"), option("n", 2.5, 10)
            ),
            "run deploy n=2.5 a=1 b=2",
        ),
        (
            command("run", option("template", "deploy"), option("note", 'two "big" words')),
            r'run deploy note="two \"big\" words"',
        ),
        (command("run", option("template", "deploy"), option("note", "")), 'run deploy note=""'),
        (
            command("curtain", inner("runs", inner("stop", option("id", 1, 4)), type_=2)),
            "runs stop 1",
        ),
    ],
)
def test_a_form_is_what_would_have_been_typed(content, text):
    assert words(content) == text


@pytest.mark.parametrize("value", [10**5000, float("nan"), None, [1]], ids=type)
def test_what_is_no_value_is_left_out(value):
    assert (
        words(command("stop", option("id", value, 4))) == "stop"
    )  # str() of so long a number raises ValueError


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"data": []},
        {"data": {"name": 1}},
        command("a", inner("b", inner("c", inner("d", inner("e"))))),
    ],
)
def test_what_is_no_form_is_unreadable(content):
    with pytest.raises(Unreadable):
        words(content)
