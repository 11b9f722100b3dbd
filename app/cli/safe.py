"""Texts of playbooks, payloads and people, made harmless for a terminal. Pure.

A terminal obeys what it is shown: a playbook's output could set its title, write to the clipboard,
or paint over what stands above. Colours are let through, nothing else is.
"""

import codecs
import re

#: What sets colour and weight, and nothing more.
COLOUR = re.compile(r"\x1b\[[0-9;:]{0,60}m")
#: Perhaps the beginning of one, at the end of what has come so far.
BEGUN = re.compile(r"\x1b(?:\[[0-9;:]{0,60})?\Z")
RESET = "\x1b[0m"

#: Characters that a terminal obeys, or that turn the direction of what follows.
ORDERS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
ORDER = re.compile(f"[{ORDERS}]")
WITH_LINES = re.compile(f"[{ORDERS}\t\n\u2028\u2029]")
PICTURES = 0x2400  # U+2400 + n is the picture of the control character n
DELETE = 0x7F


def plain(text: object) -> str:
    """Write *text* in one line that a terminal only shows: orders become visible pictures."""
    return WITH_LINES.sub(_picture, str(text))


def lines(text: object) -> str:
    """The same, but lines and tabs stay."""
    return ORDER.sub(_picture, str(text))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(PICTURES + code)
    return "\u2421" if code == DELETE else f"<U+{code:04X}>"


class Coloured:
    """Makes a stream of output harmless, piece by piece, and lets its colours through."""

    def __init__(self, *, with_colours: bool = True) -> None:
        """Begin; *with_colours*: not where NO_COLOR is set."""
        self._with_colours = with_colours
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        #: The colours that are on at the end of the last piece.
        self._on = ""

    def add(self, piece: bytes) -> str:
        """Take the next bytes; half a character or escape waits for its other half.

        What is returned ends without a colour that would stain what comes between two pieces.
        """
        text = self._begun + self._decoder.decode(piece)
        begun = BEGUN.search(text)
        self._begun = text[begun.start() :] if begun else ""
        return self._clean(text[: begun.start()] if begun else text)

    def finish(self) -> str:
        """Give what still waited."""
        return self._clean(self._begun + self._decoder.decode(b"", final=True))

    def _clean(self, text: str) -> str:
        parts: list[str] = [self._on] if text else []
        end = 0
        for found in COLOUR.finditer(text):
            parts.append(_shown(text[end : found.start()]))
            if self._with_colours:
                parts.append(found[0])
                self._turn(found[0])
            end = found.end()
        parts.append(_shown(text[end:]))
        if self._on and text:
            parts.append(RESET)
        return "".join(parts)

    def _turn(self, colour: str) -> None:
        is_reset = re.fullmatch(r"\x1b\[0*m", colour)
        self._on = "" if is_reset else (self._on + colour)[-1000:]


def _shown(text: str) -> str:
    # A carriage return alone would let what follows paint over its line.
    return lines(text.replace("\r\n", "\n").replace("\r", "\n"))
