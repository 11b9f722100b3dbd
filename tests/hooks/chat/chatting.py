"""What chats send, as they send it: their bodies, their headers, our keys."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from slack_sdk.signature import SignatureVerifier

from app.hooks.chats import CHAT_SENDERS
from app.hooks.incoming import FORM, JSON, Incoming, Keys

PAYLOADS = Path(__file__).parent / "payloads"
NOW = 1_775_000_000.0
SECRET = "a secret of a test"


def payload(name):
    return (PAYLOADS / name).read_bytes()


def as_json(name, **changed):
    return json.loads(payload(name)) | changed


def as_form(name, **changed):
    fields = parse_qs(payload(name).decode(), keep_blank_values=True)
    return {field: values[0] for field, values in fields.items()} | changed


def keys(*secrets, fetched=None, **options):
    return Keys(secrets=secrets or (SECRET,), options=options, fetched=fetched)


def incoming(body, headers=None, media_type=JSON):
    given = {"content-type": media_type, **(headers or {})}
    return Incoming(headers={name.lower(): value for name, value in given.items()}, body=body)


def sent_json(content, headers=None):
    return incoming(json.dumps(content).encode(), headers)


def sent_form(fields, headers=None):
    return incoming(urlencode(fields).encode(), headers, FORM)


def sent_file(name, headers=None):
    return incoming(payload(name), headers, FORM if name.endswith(".form") else JSON)


def read_file(name):
    """What the sender of this folder's name reads in the file."""
    return CHAT_SENDERS[name.partition("/")[0]].read(sent_file(name))


def signed_by_slack(body, media_type=JSON, secret=SECRET, timestamp="1775000000"):
    """A request that Slack's own library has signed."""
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
    return incoming(body, headers, media_type)
