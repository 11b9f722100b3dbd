"""A restore over what is there already, and while others go on."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.types.json import Jsonb

from runner.store import declared
from tests.api import TEMPLATE
from tests.hooks import signing
from tests.integration.api.backup.place import (
    BECOME,
    BLOCKED,
    FAILED,
    HOOK,
    OCCUPIED,
    VAULT,
    bearer,
)
from tests.waiting import wait_until


def test_what_is_as_in_the_backup_stays_as_it_is(here, token):
    text, before = here.backup(), here.state()

    said = here.restore(text)

    after = here.state()
    assert "made" not in said.replace("made at", "")
    assert [entry["action"] for entry in after.pop("audit")[len(before.pop("audit")) :]] == [
        "backup.restore"
    ]
    assert after == before


def test_something_else_by_the_same_name_is_left_unless_it_is_to_be_replaced(here, token):
    text = here.backup()
    here.put("credentials/root", {**BECOME, "password": "another"})
    here.put("hooks/site", {**HOOK, "secret": "another-of-it"})
    here.put("templates/later", TEMPLATE)
    here.client.delete("/api/v1/schedules/nightly")
    before = here.state()

    refused = here.restore(text, code=OCCUPIED)

    assert "something else: credential root, hook site. --replace" in refused
    assert here.state() == before
    said = here.restore(text, "--replace")
    assert said.splitlines()[:3] == [
        "changed credential root",
        "changed hook site",
        "made schedule nightly",
    ]
    same = here.client.post("/api/v1/credentials/root/compare", json=BECOME)
    assert same.json["same"]
    assert signing.deliver(here.client, signing.payload("github/push_branch")).status_code == 202
    assert here.show("templates/later")["name"] == "later"


def test_all_of_it_is_restored_or_nothing(here, there, token):
    """A credential cannot become one of another kind while a template uses it."""
    text = here.backup()
    there.put("credentials/root", {**VAULT, "vault_id": "x"})
    there.put("templates/own", {**TEMPLATE, "credentials": ["root"]})
    before = there.state()

    said = there.restore(text, "--replace", code=FAILED)

    assert "it stays a vault_password with the vault id 'x': it is used by the template own" in said
    assert there.state() == before


def test_tokens_of_another_key_are_left_unless_they_are_to_be_revoked(here, there, token):
    text = here.backup()
    own = there.client.post("/api/v1/tokens", json={"name": "own"}).json["token"]

    refused = there.restore(text, code=OCCUPIED)

    assert "token own (it was made with another key)" in refused
    assert bearer(there, own).get("/api/v1/me").status_code == 200
    assert "revoked token own" in there.restore(text, "--replace")
    assert bearer(there, own).get("/api/v1/me").status_code == 401
    assert bearer(there, token).get("/api/v1/me").json["name"] == "ci"
    assert there.show("audit?action=token.revoke")["entries"][0]["target"] == "token own"


def test_what_others_put_at_the_same_time_is_seen(here, there, token):
    text = here.backup()
    with (
        psycopg.connect(there.url) as putting,
        psycopg.connect(there.url, autocommit=True) as looking,
        ThreadPoolExecutor() as pool,
    ):
        putting.execute(
            "INSERT INTO templates (name, spec, updated_by) VALUES ('deploy', %s, 'ada')",
            [Jsonb({"playbook": {}})],
        )
        restoring = pool.submit(there.restore, text, code=OCCUPIED)
        wait_until(lambda: looking.execute(BLOCKED).fetchone())
        putting.commit()

        assert "something else: template deploy" in restoring.result(timeout=60)


def test_a_backup_is_of_one_moment(here, there, token):
    with (
        psycopg.connect(here.url) as putting,
        psycopg.connect(here.url, autocommit=True) as looking,
        ThreadPoolExecutor() as pool,
    ):
        putting.execute("LOCK TABLE templates")
        backing_up = pool.submit(here.backup)
        wait_until(lambda: looking.execute(BLOCKED).fetchone())  # it has read before
        putting.execute(
            """INSERT INTO templates (name, spec, updated_by)
               SELECT 'later', spec, 'ada' FROM templates"""
        )
        putting.commit()
        there.restore(backing_up.result(timeout=60))

    assert [row["name"] for row in there.state()["templates"]] == ["deploy"]


def test_runs_are_triggered_while_a_restore_is_under_way(here, token):
    with psycopg.connect(here.url) as restoring:
        declared.hold(restoring)

        triggered = bearer(here, token).post("/api/v1/templates/deploy/runs", json={})

        assert triggered.status_code == 202
