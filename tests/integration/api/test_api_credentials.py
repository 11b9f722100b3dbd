"""Credentials over HTTP: kept, named by templates, never shown."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.services import services_of
from runner.run import Run
from runner.store import credentials
from runner.store.connection import Connection
from tests.api import TEMPLATE
from tests.keys import private_key, public_key

SECRET = "hunter2/@:%#? \u00fc"
GIT = {"kind": "git_https", "username": "bot", "password": SECRET, "host": "Git.Example"}
ROOT = {"kind": "become_password", "password": SECRET}
VAULT = {"kind": "vault_password", "password": SECRET, "vault_id": "prod"}
URL = "/api/v1/credentials/secret"
DEPLOY = "/api/v1/templates/deploy"


def using(**more: Any) -> dict[str, Any]:
    """A template whose repository the credential opens, or one that says *more*."""
    playbook = TEMPLATE["playbook"] | {"credential": "secret"}
    return TEMPLATE | (more or {"playbook": playbook})


def test_a_credential_is_made_then_changed_and_shown_without_its_secret(
    client: FlaskClient,
) -> None:
    made = client.put(URL, json=GIT)
    changed = client.put(URL, json=GIT | {"username": "robot"})

    assert (made.status_code, changed.status_code) == (201, 200)
    shown = client.get(URL).json
    assert shown == changed.json
    assert shown is not None
    assert (shown["kind"], shown["username"], shown["host"]) == (
        "git_https",
        "robot",
        "git.example",
    )
    assert shown["updated_by"] == "admin"
    assert shown["created_at"] < shown["updated_at"]
    assert "password" not in shown


def test_of_a_key_its_public_half_is_shown(client: FlaskClient) -> None:
    text = private_key(passphrase=SECRET)
    known_hosts = f"git.example {public_key()}"
    key = {"kind": "ssh_key", "private_key": text, "passphrase": SECRET, "known_hosts": known_hosts}

    shown = client.put(URL, json=key).json

    assert shown is not None
    assert shown["public_key"].startswith("ssh-ed25519 AAAA")
    assert shown["fingerprint"].startswith("SHA256:")
    assert (shown["known_hosts"], shown["host_keys"]) == (True, "strict")
    assert "passphrase" not in shown


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 422),  # strict, and nobody is known
        ({"known_hosts": f"git.example {public_key()}"}, 201),
        ({"host_keys": "accept-new"}, 201),
    ],
    ids=["no host", "known hosts", "new hosts"],
)
def test_a_key_that_lets_ssh_speak_to_nobody_opens_no_repository(
    client: FlaskClient, more: dict[str, str], status: int
) -> None:
    client.put(URL, json={"kind": "ssh_key", "private_key": private_key(), **more})
    place = {"repository": "ssh://git@git.example/x.git", "credential": "secret"}

    response = client.put(DEPLOY, json=using(playbook=TEMPLATE["playbook"] | place))

    assert response.status_code == status


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"kind"}),
        ({"kind": "token"}, {"kind"}),
        ({"kind": "git_https"}, {"username", "password"}),
        ({"kind": "become_password", "password": f"{SECRET}\n"}, {"password"}),
        ({"kind": "vault_password", "password": SECRET, "vault_id": SECRET}, {"vault_id"}),
        ({"kind": "ssh_key", "private_key": SECRET}, {"private_key"}),
        (
            {"kind": "ssh_key", "private_key": private_key(passphrase="x"), "passphrase": SECRET},
            {"passphrase"},
        ),
        ({"kind": "ssh_key", "private_key": "x", "known_hosts": SECRET}, {"known_hosts"}),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(
    client: FlaskClient, body: dict[str, str], fields: set[str]
) -> None:
    response = client.put(URL, json=body)

    assert response.status_code == 422
    assert response.json is not None
    assert {error["field"] for error in response.json["errors"]} == fields
    assert "hunter2" not in response.text
    assert client.get(URL).status_code == 404


@pytest.mark.parametrize("name", ["Secret", "-x", "a" * 64, "a%20b"])
def test_a_name_is_like_that_of_a_template(client: FlaskClient, name: str) -> None:
    response = client.put(f"/api/v1/credentials/{name}", json=ROOT)

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["field"] == "name"


def test_pages_of_credentials_join_without_gap_or_repetition(client: FlaskClient) -> None:
    names = [f"c{number}" for number in range(5)]
    for name in names:
        client.put(f"/api/v1/credentials/{name}", json=ROOT)

    seen, url = [], "/api/v1/credentials?limit=2"
    while url:
        page = client.get(url).json
        assert page is not None
        seen += [credential["name"] for credential in page["credentials"]]
        url = page["next"]

    assert seen == names


@pytest.mark.parametrize(
    ("template", "field", "message"),
    [
        (
            using(),
            "playbook.credential",
            "is of kind become_password: https:// repositories take git_https",
        ),
        (using(credentials=["secret", "nope"]), "credentials.1", "there is no credential 'nope'"),
        (
            using(
                inventory={
                    "repository": "ssh://git@git.example/x.git",
                    "path": "x",
                    "credential": "secret",
                }
            ),
            "inventory.credential",
            "ssh:// repositories take ssh_key",
        ),
        (using(credentials=["-x"]), "credentials.0", "must be the name of a credential"),
    ],
)
def test_a_template_names_credentials_of_the_kinds_for_it(
    client: FlaskClient, template: dict[str, Any], field: str, message: str
) -> None:
    client.put(URL, json=ROOT)

    response = client.put(DEPLOY, json=template)

    assert response.status_code == 422
    assert response.json is not None
    [error] = response.json["errors"]
    assert error["field"] == field
    assert message in error["message"]
    assert client.get(DEPLOY).status_code == 404


def test_a_template_that_is_refused_stays_as_it_was(client: FlaskClient) -> None:
    client.put(URL, json=GIT)
    before = client.put(DEPLOY, json=using()).json

    refused = client.put(DEPLOY, json=using(credentials=["nope"]))

    assert refused.status_code == 422
    assert client.get(DEPLOY).json == before
    assert client.delete(URL).status_code == 409


def test_a_credential_that_a_template_uses_is_not_deleted(client: FlaskClient) -> None:
    client.put(URL, json=GIT)
    client.put(DEPLOY, json=using())

    refused = client.delete(URL)

    assert refused.status_code == 409
    assert refused.json is not None
    assert (refused.json["templates"], refused.json["runs"]) == (["deploy"], [])
    client.put(DEPLOY, json=TEMPLATE)  # it uses it no more
    assert client.delete(URL).status_code == 204
    assert client.delete(URL).status_code == 404


def test_a_credential_that_a_run_will_use_is_not_deleted(
    client: FlaskClient, running: Callable[[], Run], finish: Callable[[Run], Run]
) -> None:
    client.put(URL, json=ROOT)
    client.put(DEPLOY, json=using(credentials=["secret"]))
    queued = client.post(f"{DEPLOY}/runs").json
    client.delete(DEPLOY)

    refused = client.delete(URL)

    assert queued is not None
    assert refused.status_code == 409
    assert refused.json is not None
    assert (refused.json["templates"], refused.json["runs"]) == ([], [queued["id"]])
    client.post(f"/api/v1/runs/{queued['id']}/stop")
    assert client.delete(URL).status_code == 204


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ROOT, GIT),  # ansible would get what is for git
        (VAULT, VAULT | {"vault_id": "default"}),  # of which the template may have one already
    ],
)
def test_what_a_template_relies_on_does_not_change(
    client: FlaskClient, before: dict[str, str], after: dict[str, str]
) -> None:
    client.put(URL, json=before)
    client.put(DEPLOY, json=using(credentials=["secret"]))

    refused = client.put(URL, json=after)

    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["templates"] == ["deploy"]
    shown = client.get(URL).json
    assert shown is not None
    assert {name: shown[name] for name in before if name != "password"} == {
        name: value for name, value in before.items() if name != "password"
    }
    assert client.put(URL, json=before | {"password": "another"}).status_code == 200
    client.delete(DEPLOY)
    assert client.put(URL, json=after).status_code == 200


def test_a_refused_change_leaves_the_secret_as_it_was(
    client: FlaskClient, conn: Connection
) -> None:
    client.put(URL, json=ROOT)
    client.put(DEPLOY, json=using(credentials=["secret"]))

    client.put(URL, json=GIT)

    vault = services_of(client.application).vault
    [sealed] = credentials.sealed(conn, ["secret"]).values()
    assert vault.open(sealed) == ROOT


def test_no_answer_and_no_log_tells_a_secret(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answers = [
        client.put(URL, json=GIT),
        client.put(DEPLOY, json=using()),
        client.put(URL, json=ROOT),  # refused
        client.get(URL),
        client.get("/api/v1/credentials"),
        client.get(DEPLOY),
        client.post(f"{DEPLOY}/runs"),
        client.delete(URL),  # refused
    ]

    told = caplog.text + "".join(answer.text for answer in answers)
    assert "credential secret: made by admin" in told
    assert "hunter2" not in told
