"""Mattermost: slash commands and outgoing webhooks by their token, buttons by a token of ours.

Mattermost sends nothing with a button that shows who it is, only the context that we gave it.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from app.hooks import content as look
from app.hooks.body import Content, read_json_or_form, read_unproven
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.incoming import FORM, JSON, Incoming, Keys, Unreadable, require_secret
from app.hooks.plain import cut, escaped
from app.hooks.said import behind, called, delivery, identity, secret_delivery, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (FORM, JSON)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 16_000  # characters; a post has room for 16,383
MOST_BUTTONS: Final = 10
MOST_URL: Final = 500
SCHEME: Final = "Token "  # of the Authorization header

read = read_json_or_form


def button_token(secret: str) -> str:
    """Make what our buttons bring back: made of the hook's secret, and not that secret."""
    return hmac.digest(secret.encode(), b"curtain buttons", "sha256").hex()


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare the token: of a button ours, of all else Mattermost's own."""
    content = read_unproven(read, incoming)
    if _is_button(content):
        ours = Keys(secrets=tuple(map(button_token, keys.secrets)), options={})
        require_secret(ours, look.text(content, "/context/token") or "")
        return
    given = incoming.header("Authorization")
    if given.startswith(SCHEME):
        require_secret(keys, given.removeprefix(SCHEME))
    else:
        require_secret(keys, look.text(content, "/token") or "")


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was typed behind a slash command or a trigger word, or pressed."""
    common: dict[str, Any] = {
        "user": who(content, "/user_id"),
        "workspace": identity(content, "/team_id"),
        "channel": identity(content, "/channel_id"),
        "user_name": called(content, "/user_name"),
    }
    if _is_button(content):
        words = look.text(content, "/context/words")
        if words is None:
            return Silence(why="what was pressed is no button of ours")
        # Without a trigger a second press is another's, or the same once more.
        pressed = secret_delivery(look.text(content, "/trigger_id")) or delivery(
            look.text(content, "/post_id"), common["user"], words
        )
        return Command(text=typed(words), delivery=pressed, is_button=True, **common)
    said = look.text(content, "/text") or ""
    if "command" in content:
        return Command(
            text=typed(said),
            delivery=secret_delivery(look.text(content, "/trigger_id")),
            reply=_response_url(content, keys),
            **common,
        )
    if "post_id" not in content:
        raise Unreadable("it is no command, no button and no message")
    word = look.text(content, "/trigger_word") or ""
    return Command(
        text=typed(behind(word, said)),
        delivery=delivery(look.text(content, "/post_id")),
        **common,
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a command's answer, a comment on a message, or what only the one who pressed sees."""
    text = escaped(say.text, MOST_ANSWER)
    if _is_button(content):
        return {"ephemeral_text": text, "skip_slack_parsing": True}
    message: dict[str, Any] = {"text": text, "skip_slack_parsing": True}
    if "command" in content:
        message["response_type"] = "ephemeral" if say.is_private else "in_channel"
    else:
        message["response_type"] = "comment"
    url = keys.options.get("button_url")
    if say.buttons and isinstance(url, str) and url and keys.secrets:
        token = button_token(keys.secrets[0])
        actions = [
            _button(place, button, url, token)
            for place, button in enumerate(say.buttons[:MOST_BUTTONS])
        ]
        message["attachments"] = [{"fallback": "", "actions": actions}]
    return message


def _is_button(content: Content) -> bool:
    return isinstance(content.get("context"), dict)


def _button(place: int, button: Button, url: str, token: str) -> dict[str, Any]:
    return {
        "id": f"curtain{place}",  # letters and digits: with others it is not found when pressed
        "type": "button",
        "name": cut(button.label, 80),
        "style": "danger" if button.is_dangerous else "default",
        "integration": {"url": url, "context": {"words": button.words, "token": token}},
    }


def _response_url(content: Content, keys: Keys) -> dict[str, Any] | None:
    """Believe no URL but one of the hook's own server."""
    url, server = look.text(content, "/response_url"), keys.options.get("server")
    if url is None or len(url) > MOST_URL or not isinstance(server, str):
        return None
    there, ours = _split(url), _split(server)
    if there is None or ours is None:
        return None
    if (there.scheme, there.netloc) != (ours.scheme, ours.netloc):
        return None
    return {"kind": "mattermost_response_url", "url": url}


def _split(url: str) -> SplitResult | None:
    """Split a URL that every reader splits alike; None for any other."""
    if not (url.isascii() and url.isprintable()) or set(url) & set(' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    is_plain = parts.scheme in ("http", "https") and bool(parts.hostname)
    return parts._replace(netloc=parts.netloc.lower()) if is_plain else None
