"""Every operation there is, and something of each kind for it to be about.

Made of OPERATIONS: one that is added is tried, or found to be missing here.
"""

import re
from dataclasses import dataclass

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api import OPERATIONS, PREFIX
from app.operations import Operation
from tests.api import TEMPLATE

HOOK = {"sender": "github", "secret": "It's a Secret to Everybody"}
SCHEDULE = {"cron": "0 3 * * *"}
#: Of the operations that need one; without its body the others are complete.
BODIES = {
    "put_template": TEMPLATE,
    "put_credential": {"kind": "become_password", "password": "hunter2"},
    "create_token": {"name": "another"},
    "try_hook": {"payload": {}},
    "converse": {"text": "help"},
    "compare_credential": {"kind": "become_password", "password": "hunter2"},
    "compare_secrets": {"secrets": ["hunter2-of-the-hook"]},
    "compare_variables": {"vars": {"password": "hunter2"}},
}
CLOSED = [operation for operation in OPERATIONS if not operation.is_open]
ABOUT_ONE = [operation for operation in CLOSED if "<" in operation.path]


@dataclass(frozen=True)
class Side:
    """A template, and one of all that belongs to it."""

    template: str
    hook: str
    schedule: str
    run: int
    delivery: int
    notification: int

    def path(self, operation: Operation) -> str:
        """Where *operation* is for what is on this side."""
        collection = operation.path.split("/")[1]
        names = {
            "templates": self.template,
            "hooks": self.hook,
            "schedules": self.schedule,
            "credentials": "key",
            "tokens": "other",
        }
        places = {
            "name": names.get(collection),
            "run_id": self.run,
            "delivery_id": self.delivery,
            "notification_id": self.notification,
        }
        return PREFIX + re.sub("<(.+?)>", lambda found: str(places[found[1]]), operation.path)


def call(client: FlaskClient, operation: Operation, side: Side) -> TestResponse:
    """Call *operation* about what is on *side*."""
    body = BODIES.get(operation.name)
    if operation.name == "put_hook":
        body = HOOK | {"template": side.template}
    if operation.name == "put_schedule":
        body = SCHEDULE | {"template": side.template}
    where = side.path(operation)
    if operation.name == "preview_rerun":
        where += "?wait=0"  # there is no runner that could look
    return client.open(where, method=operation.method, json=body)
