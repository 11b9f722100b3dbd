"""What the tests of the API say to it."""

from typing import Any

TOKEN = "a-token-of-the-tests"
BEARER = f"Bearer {TOKEN}"

#: Where nothing listens.
NO_POSTGRES = "postgresql://127.0.0.1:1/nowhere"
NO_REDIS = "redis://127.0.0.1:1"

TEMPLATE: dict[str, Any] = {
    "playbook": {"repository": "https://git.example/ops.git", "ref": "main", "path": "site.yml"},
    "inventory": {"content": "web1\n"},
    "accepts": {
        "version": {"type": "string", "pattern": "[0-9.]+"},
        "count": {"type": "integer", "default": 1, "minimum": 1},
        "password": {"type": "string", "secret": True},
    },
    "overrides": ["limit", "tags", "check", "ref"],
    "options": {"forks": 10},
}
