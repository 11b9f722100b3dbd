"""Callbacks: to a program, signed as Standard Webhooks has it."""

import json

from standardwebhooks import Webhook as Signer

from jobs.targets.message import Request, Undeliverable
from jobs.targets.told import Told
from runner.credential import Webhook


def build(told: Told, credential: Webhook) -> Request:
    """The run in short. `webhook-id` is the same in every attempt, the signature is not."""
    if credential.secret is None:
        raise Undeliverable("the credential has no secret to sign with any more")
    body = json.dumps(
        {"type": f"run.{told.occasion}", "timestamp": told.at.isoformat(), "data": told.data()}
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "curtain",
        "webhook-id": told.key,
        "webhook-timestamp": str(int(told.now.timestamp())),
        "webhook-signature": Signer(credential.secret).sign(told.key, told.now, body),
    }
    return Request(credential.url, body.encode(), headers)
