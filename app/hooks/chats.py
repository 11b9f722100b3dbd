"""The chats that hooks know, by the names that hooks call them."""

from collections.abc import Mapping
from typing import Final

from app.hooks import discord, google_chat, mattermost, rocketchat, slack, teams, telegram, zulip
from app.hooks.chat_sender import ChatSender

CHAT_SENDERS: Final[Mapping[str, ChatSender]] = {
    "discord": discord,
    "google_chat": google_chat,
    "mattermost": mattermost,
    "rocketchat": rocketchat,
    "slack": slack,
    "teams": teams,
    "telegram": telegram,
    "zulip": zulip,
}
