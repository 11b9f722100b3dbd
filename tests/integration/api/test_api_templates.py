"""Templates over HTTP."""

import pytest
from flask.testing import FlaskClient
from psycopg.types.json import Jsonb

from tests.api import TEMPLATE
from tests.hooks import signing

DEPLOY = "/api/v1/templates/deploy"


def test_a_template_is_made_then_changed(client: FlaskClient) -> None:
    made = client.put(DEPLOY, json=TEMPLATE)
    changed = client.put(DEPLOY, json=TEMPLATE | {"timeout": 60})

    assert (made.status_code, changed.status_code) == (201, 200)
    shown = client.get(DEPLOY).json
    assert shown == changed.json
    assert shown is not None
    assert shown["spec"]["timeout"] == 60
    assert shown["updated_by"] == "admin"
    assert shown["created_at"].endswith("Z")


def test_what_is_shown_of_a_template_can_be_put_again(client: FlaskClient, template: str) -> None:
    shown = client.get(DEPLOY).json
    assert shown is not None

    again = client.put(DEPLOY, json=shown["spec"])

    assert again.json is not None
    assert again.json["spec"] == shown["spec"]


@pytest.mark.parametrize("name", ["Deploy", "-x", ".x", "a" * 64, "a%20b", "a%00b", "ä"])
def test_a_name_is_fit_for_urls_and_shells(client: FlaskClient, name: str) -> None:
    response = client.put(f"/api/v1/templates/{name}", json=TEMPLATE)

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["field"] == "name"


def test_a_deleted_template_is_gone(client: FlaskClient, template: str) -> None:
    assert client.delete(DEPLOY).status_code == 204
    assert client.delete(DEPLOY).status_code == 404
    assert client.get(DEPLOY).status_code == 404


def test_pages_of_templates_join_without_gap_or_repetition(client: FlaskClient) -> None:
    names = [f"t{number}" for number in range(5)]
    for name in names:
        client.put(f"/api/v1/templates/{name}", json=TEMPLATE)

    seen, url = [], "/api/v1/templates?limit=2"
    while url:
        page = client.get(url).json
        assert page is not None
        seen += [template["name"] for template in page["templates"]]
        url = page["next"]

    assert seen == names


def test_defaults_that_are_not_stored_are_shown(client: FlaskClient, template: str, conn) -> None:
    """The version before, which runs it too while an upgrade is under way, does not know them."""
    later = {"queue": "default", "priority": "normal", "then": []}
    stored = conn.execute("SELECT spec FROM templates").fetchone()["spec"]

    assert not later.keys() & stored.keys()
    assert later.items() <= client.get(DEPLOY).json["spec"].items()


@pytest.fixture
def newer(client: FlaskClient, template: str, conn) -> str:
    """A template that a version to come has put, and a hook that runs it."""
    hook = {"sender": "github", "template": template, "secret": signing.SECRET}
    assert client.put("/api/v1/hooks/site", json=hook).status_code == 201
    conn.execute("UPDATE templates SET spec = spec || %s", [Jsonb({"waves": 3})])
    return template


def test_a_template_of_a_version_to_come_is_run_by_none_of_this_one(
    client: FlaskClient, newer: str, conn
) -> None:
    """Its new field may say who must agree first: it cannot be passed over."""
    triggered = client.post(f"{DEPLOY}/runs", json={})
    pushed = signing.deliver(client, signing.payload("github/push_branch"))

    for answer in (triggered, pushed):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "does not take: is an upgrade under way?" in answer.json["detail"]
    assert conn.execute("SELECT FROM runs").fetchall() == []
    assert client.get(DEPLOY).json["spec"]["waves"] == 3
