"""What opens targets over HTTP: kept, named by templates, shown without what is secret of it."""

import base64

import pytest

from app.services import services_of
from runner.run import Trigger
from runner.store import credentials, runs
from runner.template import Template
from runner.wanted import Wanted
from tests.api import TEMPLATE
from tests.integration.api.conftest import app, client, make_client, settings

__all__ = ["app", "client", "make_client", "settings"]

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
TOKEN = {"kind": "api_token", "base_url": "https://forge.example:8443/", "token": "t0ken-of-forge"}
HOOK = {"kind": "webhook", "url": "https://hooks.example/services/T0/s3cret?k=s3", "secret": SECRET}
URL = "/api/v1/credentials/target"
DEPLOY = "/api/v1/templates/deploy"


def telling(**to):
    return TEMPLATE | {"notifications": [{"on": ["failed"], "to": to}]}


CALLBACK = telling(kind="callback", credential="target")


def test_of_a_webhook_its_host_is_shown(client, app, conn):
    shown = client.put(URL, json=HOOK).json

    assert (shown["kind"], shown["host"], shown["signed"]) == ("webhook", "hooks.example", True)
    assert not any(secret in client.get(URL).text for secret in ("s3", "services", "whsec"))
    assert b"s3cret" not in credentials.sealed(conn, ["target"])["target"]
    kept = services_of(app).vault.open(credentials.sealed(conn, ["target"])["target"])
    assert kept == HOOK


def test_of_an_api_token_its_host_is_shown(client):
    shown = client.put(URL, json=TOKEN).json

    assert (shown["kind"], shown["host"]) == ("api_token", "forge.example:8443")
    assert "t0ken" not in client.get(URL).text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (HOOK | {"url": "ftp://hooks.example/x"}, "url"),
        (HOOK | {"url": "https://user:pass@hooks.example/x"}, "url"),
        (HOOK | {"url": "https://hooks.example/x#y"}, "url"),
        (HOOK | {"url": "https://hooks.example:99999/x"}, "url"),
        (HOOK | {"url": "https://hooks.example\\@evil.example/x"}, "url"),
        (HOOK | {"url": "https://hooks.example/a b"}, "url"),
        (HOOK | {"url": "https:///x"}, "url"),
        (HOOK | {"secret": ""}, "secret"),
        (HOOK | {"secret": "whsec_***"}, "secret"),
        (HOOK | {"secret": "whsec_" + base64.b64encode(b"k" * 23).decode()}, "secret"),
        (HOOK | {"secret": "whsec_" + base64.b64encode(b"k" * 65).decode()}, "secret"),
        (HOOK | {"secret": base64.b64encode(b"k" * 32).decode()}, "secret"),
        (TOKEN | {"base_url": "https://forge.example/?x=y"}, "base_url"),
        (TOKEN | {"token": "two words"}, "token"),
        (TOKEN | {"token": "a\r\nX-Injected: b"}, "token"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_not_repeated(client, given, field):
    response = client.put(URL, json=given)

    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert not any(secret in response.text for secret in ("whsec_a", "s3cret", "X-Injected"))
    assert client.get(URL).status_code == 404


@pytest.mark.parametrize(
    ("credential", "message"),
    [
        (None, "there is no credential"),
        (TOKEN, "is of kind api_token: callback takes webhook"),
        (HOOK | {"secret": None}, "has no secret to sign with"),
    ],
)
def test_a_template_names_one_that_fits(client, credential, message):
    if credential is not None:
        assert client.put(URL, json=credential).status_code == 201

    response = client.put(DEPLOY, json=CALLBACK)

    assert response.status_code == 422
    (error,) = response.json["errors"]
    assert error["field"] == "notifications.0.to.credential"
    assert message in error["message"]
    assert client.get(DEPLOY).status_code == 404


def test_one_that_a_template_tells_by_stays_and_keeps_its_kind(client):
    client.put(URL, json=HOOK)
    assert client.put(DEPLOY, json=CALLBACK).status_code == 201

    deleted, changed = client.delete(URL), client.put(URL, json=TOKEN)

    assert (deleted.status_code, changed.status_code) == (409, 409)
    assert deleted.json["templates"] == ["deploy"]
    client.put(DEPLOY, json=TEMPLATE)
    assert client.delete(URL).status_code == 204


def test_one_that_a_queued_run_tells_by_stays(client, conn):
    client.put(URL, json=HOOK)
    spec = Template.model_validate(CALLBACK).spec()
    run = runs.insert(conn, Wanted(template="deploy", spec=spec, trigger=Trigger.API, by="ada"))

    deleted = client.delete(URL)

    assert (deleted.status_code, deleted.json["runs"]) == (409, [run.id])
