"""Requests as senders make them: real payloads, signed with secrets of the tests."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from standardwebhooks import Webhook

from app.hooks.incoming import JSON, Incoming, Keys
from app.hooks.senders import EVENT_SENDERS

PAYLOADS = Path(__file__).parent / "payloads"
NOW = 1_775_000_000.0
SECRET = "a-secret-of-the-tests"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"a key of twenty-four bytes").decode()


def raw(name: str) -> bytes:
    """A real payload, by its path below payloads/."""
    return (PAYLOADS / name).read_bytes()


def payload(name: str) -> Any:
    """A real payload, read."""
    return json.loads(raw(name))


def incoming(body: bytes, headers: Mapping[str, str], media_type: str = JSON) -> Incoming:
    """A request with these headers, whose names are in whatever letters."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return Incoming(headers={"content-type": media_type, **lowered}, body=body)


def mac(body: bytes, algorithm: str = "sha256", secret: str = SECRET) -> str:
    """The HMAC in hex digits."""
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def standard_signature(
    body: bytes, number: str = "msg_1", at: float = NOW, secret: str = SIGNING_TOKEN
) -> dict[str, str]:
    """What the real library of Standard Webhooks signs."""
    moment = datetime.fromtimestamp(int(at), UTC)
    return {
        "webhook-id": number,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": Webhook(secret).sign(number, moment, body.decode()),
    }


@dataclass(frozen=True)
class Signing:
    """How one sender makes itself believed."""

    sender: str
    keys: Keys
    #: The headers that go with a body.
    sign: Callable[[bytes], dict[str, str]]
    #: The header without which nothing is believed.
    proof: str

    def request(self, body: bytes, **changed: str) -> Incoming:
        """A request that is believed, unless *changed* has other headers."""
        return incoming(body, {**self.sign(body), **changed})

    def verify(self, request: Incoming, now: float = NOW) -> None:
        """Have the sender's file look at it."""
        EVENT_SENDERS[self.sender].verify(request, self.keys, now)


def keys(*secrets: str, **options: object) -> Keys:
    """What a hook knows."""
    return Keys(secrets=secrets or (SECRET,), options=options)


GENERIC = {"header": "X-Signature", "prefix": "", "algorithm": "sha256", "encoding": "hex"}
BASIC = "curtain:a-password-of-the-tests"
SIGNINGS = {
    "github": Signing(
        "github",
        keys(),
        lambda body: {"X-Hub-Signature-256": f"sha256={mac(body)}"},
        "x-hub-signature-256",
    ),
    "gitlab token": Signing(
        "gitlab", keys(), lambda body: {"X-Gitlab-Token": SECRET}, "x-gitlab-token"
    ),
    "gitlab signed": Signing(
        "gitlab", keys(SIGNING_TOKEN), standard_signature, "webhook-signature"
    ),
    "gitea": Signing(
        "gitea", keys(), lambda body: {"X-Gitea-Signature": mac(body)}, "x-gitea-signature"
    ),
    "forgejo": Signing(
        "gitea",
        keys(),
        lambda body: {
            "X-Forgejo-Signature": mac(body),
            "X-Hub-Signature-256": f"sha256={mac(body)}",
        },
        "x-forgejo-signature",
    ),
    "gogs": Signing(
        "gogs", keys(), lambda body: {"X-Gogs-Signature": mac(body)}, "x-gogs-signature"
    ),
    "bitbucket_cloud": Signing(
        "bitbucket_cloud",
        keys(),
        lambda body: {"X-Hub-Signature": f"sha256={mac(body)}"},
        "x-hub-signature",
    ),
    "bitbucket_dc": Signing(
        "bitbucket_dc",
        keys(),
        lambda body: {"X-Hub-Signature": f"sha256={mac(body)}"},
        "x-hub-signature",
    ),
    "azure basic": Signing(
        "azure_devops",
        keys(BASIC, header=None),
        lambda body: {"Authorization": f"Basic {base64.b64encode(BASIC.encode()).decode()}"},
        "authorization",
    ),
    "azure header": Signing(
        "azure_devops", keys(header="X-Curtain"), lambda body: {"X-Curtain": SECRET}, "x-curtain"
    ),
    "generic_hmac": Signing(
        "generic_hmac", keys(**GENERIC), lambda body: {"X-Signature": mac(body)}, "x-signature"
    ),
    "generic_hmac base64": Signing(
        "generic_hmac",
        keys(**{**GENERIC, "prefix": "v1=", "algorithm": "sha512", "encoding": "base64"}),
        lambda body: {
            "X-Signature": "v1="
            + base64.b64encode(hmac.digest(SECRET.encode(), body, "sha512")).decode()
        },
        "x-signature",
    ),
    "standard_webhooks": Signing(
        "standard_webhooks", keys(SIGNING_TOKEN), standard_signature, "webhook-signature"
    ),
}
#: Those whose signature is of the body.
OF_THE_BODY = {
    name: each
    for name, each in SIGNINGS.items()
    if name not in {"gitlab token", "azure basic", "azure header"}
}


def form(text: bytes) -> bytes:
    """A form that holds JSON as Gitea's and GitHub's do."""
    return urlencode({"payload": text.decode()}).encode()
