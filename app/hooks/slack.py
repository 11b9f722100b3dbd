"""Slack: slash commands, buttons and mentions, signed with the app's signing secret.

Slack shows what answers a slash command, and nothing of what answers a button or an event.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_form, read_json
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.incoming import FORM, JSON, Denied, Incoming, Keys, Unreadable
from app.hooks.plain import cut
from app.hooks.said import called, delivery, identity, secret_delivery, typed, unescaped, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON, FORM)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 3_000  # characters of a block's text
MOST_BUTTONS: Final = 25  # of one block
MOST_CHALLENGE: Final = 500
#: slack_sdk's verifier takes what int() takes: signs, blanks, digits of every script.
TIMESTAMP: Final = re.compile("[0-9]{1,12}")
SIGNATURE: Final = re.compile("v0=[0-9a-f]{64}")
RESPONSE_URL: Final = re.compile(r"https://hooks\.slack\.com/[\w.~/-]{1,500}", re.ASCII)
#: <@U1|bob>, <#C1|ops>, <!here>, <http://x.example|x.example>: what Slack has made of words.
LINK: Final = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>|]*))?>")
MENTION: Final = re.compile(r"\s*<@[^<>]*>")


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Let slack_sdk compare, within five minutes of *now*."""
    timestamp = incoming.header("X-Slack-Request-Timestamp")
    signature = incoming.header("X-Slack-Signature")
    if not TIMESTAMP.fullmatch(timestamp) or not SIGNATURE.fullmatch(signature):
        raise Denied("the signature or its timestamp is missing or has another form")
    # Not at the top: it brings Slack's whole client, a tenth of the time in which web starts.
    from slack_sdk.signature import SignatureVerifier

    clock: Any = _Clock(now)
    try:
        verifiers = [SignatureVerifier(secret, clock) for secret in keys.secrets]
        is_valid = any([each.is_valid(incoming.body, timestamp, signature) for each in verifiers])
    except Exception as error:  # of a body that is not UTF-8, and of what else it may meet
        raise Denied(f"slack_sdk could not verify it: {type(error).__name__}") from error
    if not is_valid:
        raise Denied("the signature is wrong or too old")


def read(incoming: Incoming) -> Content:
    """Read an event, a command's form, or the JSON that a button's form has in `payload`."""
    if incoming.media_type != FORM:
        return read_json(incoming.body)
    fields = read_form(incoming.body)
    return read_json(fields["payload"].encode()) if "payload" in fields else {**fields}


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was typed, pressed or said to us."""
    if look.text(content, "/ssl_check"):
        return Handshake(answer="", why="a check of the certificate")
    match look.text(content, "/type"):
        case "url_verification":
            return _challenge(content)
        case "event_callback":
            return _event(content)
        case "block_actions":
            return _press(content)
        case None if "command" in content:
            return _slash(content)
        case None:
            raise Unreadable("it is no command, no button and no event")
        case _:
            return Silence(why="it is neither a command nor a button nor an event")


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a message; for an event as chat.postMessage takes it.

    One with a `user` is private: chat.postEphemeral takes the same.
    """
    text = _written(say.text)
    message: dict[str, Any] = {"text": text, "mrkdwn": False}
    if say.buttons:
        message["blocks"] = [
            {"type": "section", "text": _plain_text(text)},
            {"type": "actions", "elements": [*map(_button, say.buttons[:MOST_BUTTONS])]},
        ]
    if look.text(content, "/type") == "event_callback":
        place = {
            "channel": look.text(content, "/event/channel"),
            "thread_ts": look.text(content, "/event/thread_ts", "/event/ts"),
        }
        only = {"user": look.text(content, "/event/user")} if say.is_private else {}
        return message | place | only
    message["response_type"] = "ephemeral" if say.is_private else "in_channel"
    if look.text(content, "/type") == "block_actions":
        message["replace_original"] = False
    return message


def _slash(content: Content) -> Command:
    return Command(
        text=_said(look.text(content, "/text")),
        user=who(content, "/user_id"),
        workspace=identity(content, "/team_id"),
        channel=identity(content, "/channel_id"),
        user_name=called(content, "/user_name"),
        delivery=secret_delivery(look.text(content, "/trigger_id")),
        reply=_response_url(content),
    )


def _press(content: Content) -> Command | Silence:
    """Tell of the button; its value is as we have written it."""
    words = look.text(content, "/actions/0/value")
    if look.text(content, "/actions/0/type") != "button" or words is None:
        return Silence(why="what was pressed is no button of ours")
    return Command(
        text=typed(words),
        user=who(content, "/user/id"),
        workspace=identity(content, "/user/team_id", "/team/id"),
        channel=identity(content, "/channel/id", "/container/channel_id"),
        user_name=called(content, "/user/username", "/user/name"),
        delivery=secret_delivery(
            look.text(content, "/trigger_id"), look.text(content, "/actions/0/action_ts")
        ),
        is_button=True,
        reply=_response_url(content),
        is_answered_at_reply=True,
    )


def _event(content: Content) -> Command | Silence:
    """Tell of a mention, or of a message in a talk with us alone.

    A mention in a channel is told twice to those that follow its messages too.
    """
    event = content.get("event")
    if not isinstance(event, dict):
        raise Unreadable("it is called an event and holds none")
    if any(event.get(sign) for sign in ("bot_id", "bot_profile", "subtype", "edited", "hidden")):
        return Silence(why="a bot's message, an edit, or somebody who came or went")
    kind = look.text(event, "/type")
    is_talk = kind == "message" and look.text(event, "/channel_type") == "im"
    if (kind != "app_mention" and not is_talk) or not look.text(event, "/user"):
        return Silence(why="it was not said to us")
    channel, thread = identity(event, "/channel"), identity(event, "/thread_ts", "/ts")
    said = look.text(event, "/text") or ""
    return Command(
        text=_said(MENTION.sub("", said, count=1) if MENTION.match(said) else said),
        user=who(event, "/user"),
        workspace=identity(content, "/event/user_team", "/event/team", "/team_id"),
        channel=channel,
        delivery=delivery(look.text(content, "/event_id")),
        reply={"kind": "slack_thread", "channel": channel, "thread": thread} if channel else None,
        is_answered_at_reply=True,
    )


def _challenge(content: Content) -> Handshake:
    challenge = look.text(content, "/challenge")
    if challenge is None or len(challenge) > MOST_CHALLENGE:
        raise Unreadable("it holds no challenge")
    return Handshake(answer={"challenge": challenge}, why="Slack verifies the URL")


def _response_url(content: Content) -> dict[str, Any] | None:
    """Believe no URL but Slack's own: what is posted there leaves from inside our network."""
    url = look.text(content, "/response_url")
    if url is None or not RESPONSE_URL.fullmatch(url):
        return None
    return {"kind": "slack_response_url", "url": url}


def _said(text: str | None) -> str:
    return typed(unescaped(LINK.sub(_word, text or "")))


def _word(link: re.Match[str]) -> str:
    """Give back what was typed where Slack has made a link of it."""
    kind, target, label = link.groups()
    if kind == "!":
        return label or f"@{target}"
    return f"{kind}{label or target}"


def _written(text: str) -> str:
    """Escape what Slack would read as a link or a mention, and cut behind no half of that."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub("&[a-z]{0,3}…$", "…", cut(escaped, MOST_ANSWER))


def _button(button: Button) -> dict[str, Any]:
    style = {"style": "danger"} if button.is_dangerous else {}
    return {
        "type": "button",
        "action_id": button.words[:255],  # two of one message must not be the same
        "text": _plain_text(button.label[:75]),
        "value": button.words,
        **style,
    }


def _plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


class _Clock:
    """The time that the verifier goes by: slack_sdk's Clock, in all that it asks of one."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        """Give the seconds since 1970 that it was made with."""
        return self._now
