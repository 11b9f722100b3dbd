"""All senders of events by name, each a file of pure functions."""

from collections.abc import Mapping
from typing import Final

from app.hooks import (
    aws_sns,
    azure_devops,
    bitbucket_cloud,
    bitbucket_dc,
    generic_hmac,
    gitea,
    github,
    gitlab,
    gogs,
    standard_webhooks,
)
from app.hooks.sender import EventSender

EVENT_SENDERS: Final[Mapping[str, EventSender]] = {
    "aws_sns": aws_sns,
    "azure_devops": azure_devops,
    "bitbucket_cloud": bitbucket_cloud,
    "bitbucket_dc": bitbucket_dc,
    "generic_hmac": generic_hmac,
    "gitea": gitea,
    "github": github,
    "gitlab": gitlab,
    "gogs": gogs,
    "standard_webhooks": standard_webhooks,
}

#: They sign their bodies and not the numbers of their deliveries. Of others some sign both, some
#: have the number in the body, and some sign nothing at all.
SIGN_NO_NUMBER: Final = frozenset({"bitbucket_cloud", "bitbucket_dc", "gitea", "github", "gogs"})
