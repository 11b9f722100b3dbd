"""Signs as GitHub does; other senders' libraries sign for themselves."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "a-secret-of-the-tests"


def payload(name: str) -> Any:
    """A real payload, by its path below payloads/."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def signature(body: bytes, secret: str = SECRET) -> str:
    """What X-Hub-Signature-256 has for *body*."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def headers(
    body: bytes, event: str = "push", delivery: str = "1", secret: str = SECRET
) -> dict[str, str]:
    """What GitHub sends with *body*."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signature(body, secret),
    }


def deliver(
    client: FlaskClient, content: Any, hook: str = "site", delivery: str = "1", **kinds: str
) -> TestResponse:
    """Send *content* to a hook, signed; no two deliveries have the same body."""
    body = json.dumps({**content, "of": delivery}).encode()
    return client.post(
        f"/hooks/{hook}", data=body, headers=headers(body, delivery=delivery, **kinds)
    )
