"""Plain text in chats that read markup."""

import pytest

from app.hooks.plain import ZERO_WIDTH, cut, escaped, fenced, uncalled


@pytest.mark.parametrize("write", [cut, escaped, fenced])
@pytest.mark.parametrize(
    "text", ["run 42 has begun", "at 12:30 by grace: https://a.example/runs/42"]
)
def test_what_is_no_markup_stays_as_it_is(write, text):
    assert write(text, 500) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("*bold* _it_ ~no~ `code`", r"\*bold\* \_it\_ \~no\~ \`code\`"),
        ("[x](http://evil)", r"\[x\](http://evil)"),
        ("> quoted\n# large\n- item", "\\> quoted\n\\# large\n\\- item"),
        ("deploy-web a+b", "deploy-web a+b"),
        ("\\*", r"\\\*"),
        ("||hidden||", r"\|\|hidden\|\|"),
        ("https://a.example/x_y_z *b*", r"https://a.example/x_y_z \*b\*"),
    ],
)
def test_markdown_is_escaped(text, written):
    assert escaped(text, 500) == written


@pytest.mark.parametrize(
    "text", ["@all", "x @here", "<@U1>", "<#C1>", "<users/all>", ":tada:", "@**all**"]
)
def test_a_call_is_parted(text):
    assert ZERO_WIDTH in uncalled(text)
    assert uncalled(text).replace(ZERO_WIDTH, "") == text


@pytest.mark.parametrize("text", ["grace@example.com", "12:30:45", "a < b", "x: y", "a@"])
def test_what_calls_nobody_is_not_parted(text):
    assert uncalled(text) == text


def test_what_could_be_markup_is_put_between_fences():
    assert fenced("deploy_web", 500) == "```\ndeploy_web\n```"


def test_a_fence_cannot_be_closed_from_inside():
    written = fenced("a\n```\n*bold*\n``````", 500)

    assert written.count("```") == 2


@pytest.mark.parametrize("write", [cut, escaped, fenced])
@pytest.mark.parametrize("text", ["x" * 300, "`" * 300, "@a" * 150, "_\n" * 150])
def test_a_long_text_is_cut(write, text):
    written = write(text, 100)

    assert len(written) <= 100
    assert "…" in written
