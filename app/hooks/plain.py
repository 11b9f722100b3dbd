"""Plain text for chats that read markup: shown as it is, and mentioning nobody. Pure."""

import re
from typing import Final

#: A URL stays whole, so that it can be followed; before anything else of Markdown goes a backslash.
MARKDOWN: Final = re.compile(
    r"(?P<url>https?://[^\s<>()\[\]*`|~\\]+)"
    r"|(?P<mark>[\\`*_~|>\[\]#])"
    r"|(?P<item>^[ \t]*[-+])",
    re.MULTILINE,
)
#: What could be markup to a chat that knows no backslash.
MARKUP: Final = re.compile(r"[\\`*_~|<>\[\]$#]|^\s*([-+]|\d+\.)", re.MULTILINE)
#: What calls somebody (@all, <@U1>, <users/all>) or is an emoji by name, up to where it is parted.
CALL: Final = re.compile(r"(?<!\w)@(?=[\w*])|<(?=[\w:@#!&/])|(?<!\w):(?=[A-Za-z+]\w*:)")
FENCE: Final = re.compile(r"`{3,}")
ZERO_WIDTH: Final = "\u200b"  # is not seen, and parts the characters around it


def cut(text: str, most: int) -> str:
    """Shorten *text* to *most* characters, and show that there was more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def escaped(text: str, most: int) -> str:
    """Escape Markdown with backslashes, as Discord and Mattermost read them."""
    return cut(MARKDOWN.sub(_escape, uncalled(text)), most)


def fenced(text: str, most: int) -> str:
    """Put *text* between fences, as code, if anything in it could be markup."""
    if not MARKUP.search(text):
        return cut(uncalled(text), most)
    inner = FENCE.sub(lambda found: ZERO_WIDTH.join(found[0]), uncalled(text))
    return f"```\n{cut(inner, most - 8)}\n```"


def uncalled(text: str) -> str:
    """Part each @ from the name behind it: @all rings nobody's phone."""
    return CALL.sub(lambda found: found[0] + ZERO_WIDTH, text)


def _escape(found: re.Match[str]) -> str:
    if found["url"]:
        return found["url"]
    return f"{found[0][:-1]}\\{found[0][-1]}"
