"""A hook of GitHub, what is pushed to it, and the runs that come of that."""

from typing import Any

from flask.testing import FlaskClient

from tests.hooks.signing import SECRET

HOOK = "/api/v1/hooks/site"
GITHUB: dict[str, Any] = {
    "sender": "github",
    "secret": SECRET,
    "template": "deploy",
    "branches": ["master", "release/*"],
}
PUSH = "github/push_branch"


def runs_of(client: FlaskClient) -> list[Any]:
    response = client.get("/api/v1/runs")
    assert response.json is not None
    return response.json["runs"]
