"""What playbooks print is shown by a terminal, and obeyed by none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.safe import COLOUR, ORDER, Coloured, lines, plain

CANARIES = [
    (b"\x1b]0;title\x07", "sets the title"),
    (b"\x1b]52;c;aGk=\x07", "writes to the clipboard"),
    (b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "makes a link"),
    (b"\x1b[2J\x1b[H", "clears the screen"),
    (b"\x1b[1A\x1b[2K", "paints over the line above"),
    (b"\x1b[6n", "asks the terminal, which answers as if typed"),
    (b"\x1bP$q\x1b\\", "a device control string"),
    (b"\x1bc", "resets the terminal"),
    (b"\xc2\x9b2J", "the same as one character of C1"),
    (b"\xc2\x9d0;title\xc2\x9c", "an OSC of C1"),
    (b"safe\rEVIL", "paints over its own line"),
    (b"a\x08b", "goes back"),
    ("a\u202eb".encode(), "turns the direction"),
    (b"\x1b[31", "an escape that never ends"),
    (b"\x1b[?1049h", "goes to another screen"),
]


@pytest.mark.parametrize(("printed", "why"), CANARIES)
def test_orders_become_visible(printed: bytes, why: str) -> None:
    cleaned = Coloured()

    shown = cleaned.add(printed) + cleaned.finish()

    assert not ORDER.search(COLOUR.sub("", shown)), why
    assert shown


def test_colours_are_let_through() -> None:
    assert Coloured().add(b"\x1b[0;32mok\x1b[0m\n") == "\x1b[0;32mok\x1b[0m\n"


def test_no_colour_is_let_through_where_none_is_wanted() -> None:
    assert Coloured(with_colours=False).add(b"\x1b[0;32mok\x1b[0m\n") == "ok\n"


def test_a_colour_that_stays_on_does_not_stain_what_comes_between() -> None:
    cleaned = Coloured()

    assert cleaned.add(b"\x1b[31mone\n") == "\x1b[31mone\n\x1b[0m"
    assert cleaned.add(b"two\n") == "\x1b[31mtwo\n\x1b[0m"


@given(st.binary(max_size=200), st.integers(0, 200))
def test_however_it_is_cut_no_order_comes_through(printed: bytes, place: int) -> None:
    cleaned = Coloured()

    shown = cleaned.add(printed[:place]) + cleaned.add(printed[place:]) + cleaned.finish()

    assert not ORDER.search(COLOUR.sub("", shown))


@given(st.text(max_size=200))
def test_a_name_is_one_line(text: str) -> None:
    assert len(plain(text).splitlines()) <= 1
    assert not ORDER.search(lines(text))
