"""What people type, and what is understood of it."""

import pytest

from app.chat.grammar import Ask, Misunderstood, split, understand
from app.chat.typed import Given, given
from runner.template import Template


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  run   x ", ["run", "x"]),
        ('a="b c"', ["a=b c"]),
        ("a='b c'", ["a=b c"]),
        ("\u201ca b\u201d", ["a b"]),  # as phones write it
        ("a=\u2018b c\u2019", ["a=b c"]),
        ("stop 1 don't wait", ["stop", "1", "don't", "wait"]),  # shlex would see a quote there
        ("it's 'all' over", ["it's", "all", "over"]),
        (r'a="say \"hi\""', ['a=say "hi"']),
        ('a="open', ['a="open']),
        ("a=", ["a="]),
        ("a= b", ["a=", "b"]),
        ('a=""', ["a="]),
        ("\u2014force", ["--force"]),
        ("a=b=c", ["a=b=c"]),
        ("run\tx\ny", ["run", "x", "y"]),
        ("a=$(id) `id` {{x}}", ["a=$(id)", "`id`", "{{x}}"]),
    ],
)
def test_words_are_split_as_people_quote_them(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("", Ask(verb="help")),
        ("HELP me", Ask(verb="help")),
        ("/runs", Ask(verb="runs")),
        ("templates", Ask(verb="templates")),
        ("status", Ask(verb="status")),
        ("status #12", Ask(verb="status", run_id=12)),
        ("tail 12", Ask(verb="tail", run_id=12)),
        ("stop 12", Ask(verb="stop", run_id=12)),
        ("stop 12 force", Ask(verb="stop", run_id=12, force=True)),
        (
            "stop 12 --force it's wrong",
            Ask(verb="stop", run_id=12, force=True, reason="it's wrong"),
        ),
        ("stop 12 too forceful", Ask(verb="stop", run_id=12, reason="too forceful")),
        ("rerun 12", Ask(verb="rerun", run_id=12)),
        ("rerun 12 failed newest", Ask(verb="rerun", run_id=12, failed=True, newest=True)),
        (
            'run deploy version=1.2 note="a b" check reason="release day"',
            Ask(
                verb="run",
                template="deploy",
                values=(("version", "1.2"), ("note", "a b"), ("check", "true")),
                reason="release day",
            ),
        ),
        (
            "run deploy --limit=web1,web2",
            Ask(verb="run", template="deploy", values=(("limit", "web1,web2"),)),
        ),
    ],
)
def test_commands_are_understood(text: str, ask: Ask) -> None:
    assert understand(text) == ask


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("deploy", "I don't know 'deploy'. Try: help"),
        ("stop", "Which run? Write it as: stop ID [force] [reason…]"),
        ("stop ../1", "'../1' is no number of a run"),
        ("stop 42; rm", "'42;' is no number of a run"),
        ("stop 0", "'0' is no number of a run"),
        ("stop " + "9" * 30, "is no number of a run"),
        ("stop -1", "'-1' is no number of a run"),
        ("tail 1 2", "I don't know what '2' is there for"),
        ("rerun 1 everything", "I don't know 'everything'"),
        ("run", "Which template?"),
        ("run x y", "'y' is no key=value"),
        ("run x a=1 a=2", "a was given more than once"),
        ("run x a-b=1", "'a-b' is no name of a variable"),
        ("run " + "x" * 4000, "longer than 4000 characters"),
    ],
)
def test_what_is_wrong_is_said_with_the_right_form(text: str, fault: str) -> None:
    with pytest.raises(Misunderstood, match=r"Write it as: |Try: help") as caught:
        understand(text)

    assert fault in str(caught.value)


TEMPLATE = Template.model_validate(
    {
        "playbook": {"repository": "https://git.example/x.git", "path": "x.yml"},
        "inventory": {"content": "a"},
        "accepts": {
            "version": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "quick": {"type": "boolean"},
            "hosts": {"type": "list"},
            "extra": {"type": "object"},
            "tags": {"type": "string"},
        },
    }
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("version", "1", "1"),
        ("count", "3", 3),
        ("count", "3.5", "3.5"),  # stays text: the template says what is wrong with it
        ("count", "three", "three"),
        ("share", "0.5", 0.5),
        ("share", "1", 1),
        ("quick", "Yes", True),
        ("quick", "off", False),
        ("quick", "maybe", "maybe"),
        ("hosts", "a, b,", ["a", "b"]),
        ("hosts", '["a", 1]', ["a", 1]),
        ("extra", '{"a": 1}', {"a": 1}),
        ("extra", "{", "{"),
        ("extra", "[" * 3000, "[" * 3000),
        ("tags", "a,b", "a,b"),  # a variable of the template's comes before the option
        ("unknown", "1", "1"),
        ("ansible_connection", "local", "local"),  # and is refused by the template
    ],
)
def test_values_get_the_types_that_the_template_accepts(
    name: str, text: str, value: object
) -> None:
    assert given(TEMPLATE, ((name, text),)) == Given({name: value}, {})


def test_options_are_told_from_variables() -> None:
    said = (("limit", "web"), ("skip_tags", "a,b"), ("check", "true"), ("verbosity", "2"))

    assert given(TEMPLATE, said) == Given(
        {}, {"limit": "web", "skip_tags": ["a", "b"], "check": True, "verbosity": 2}
    )
