"""A hook, what is sent to it, and what is noted of that."""

from typing import Any

from flask.testing import FlaskClient

from tests.hooks.signing import SECRET, payload

HOOK = "/api/v1/hooks/site"
GITHUB: dict[str, Any] = {"sender": "github", "secret": SECRET, "template": "deploy"}
PUSH = "github/push_branch"
WRONG = {"X-Hub-Signature-256": f"sha256={'0' * 64}"}


def noted(client: FlaskClient, query: str = "") -> list[Any]:
    response = client.get(f"{HOOK}/deliveries{query}")
    assert response.json is not None
    return response.json["deliveries"]


def states(client: FlaskClient) -> dict[int, str]:
    response = client.get("/api/v1/runs?limit=500")
    assert response.json is not None
    return {run["id"]: run["state"] for run in response.json["runs"]}


def pushed(ref: str = "refs/heads/master") -> Any:
    return {**payload(PUSH), "ref": ref}
