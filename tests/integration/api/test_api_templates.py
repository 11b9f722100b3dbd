"""Templates over HTTP."""

import pytest
from flask.testing import FlaskClient

from tests.api import TEMPLATE

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
