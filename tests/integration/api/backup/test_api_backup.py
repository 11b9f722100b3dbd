"""`python -m app backup` and `restore`: into another installation, which has another key."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from runner.run import RunState
from tests.api import TEMPLATE
from tests.hooks import signing
from tests.integration.api.backup.place import (
    BACKUP_KEY,
    BECOME,
    CHAT,
    FAILED,
    KEY,
    NIGHTLY,
    OTHER_KEY,
    PASSWORD,
    VARIABLE,
    VAULT,
    Place,
    bearer,
    call,
)
from tests.runners import LOCAL, Bench


def test_all_that_is_declared_goes_on_in_another_installation(here, there, token):
    said = there.restore(here.backup())

    for path, times in (
        ("credentials/root", ("created_at", "updated_at")),
        ("credentials/key", ("created_at", "updated_at")),
        ("templates/deploy", ("created_at", "updated_at")),
        ("hooks/site", ("created_at", "updated_at")),
        ("hooks/chat", ("created_at", "updated_at")),
        ("tokens/ci", ("created_at",)),
    ):
        differ = [
            name for name in here.show(path) if here.show(path)[name] != there.show(path)[name]
        ]
        assert set(differ) <= {*times, "updated_by"}, path
        assert f"made {path.replace('s/', ' ')}" in said
    assert there.show("credentials/root")["updated_by"] == "restore"
    assert there.show("schedules/nightly")["spec"] == here.show("schedules/nightly")["spec"]


def test_what_is_secret_is_the_same_there(here, there, token):
    there.restore(here.backup())

    for path, body in (
        ("credentials/root", BECOME),
        ("hooks/site", {"secrets": [signing.SECRET]}),
        ("hooks/chat", {"secrets": [CHAT["secret"]]}),
        ("schedules/nightly", {"vars": NIGHTLY["vars"]}),
    ):
        same = there.client.post(f"/api/v1/{path}/compare", json=body)
        assert same.json == {"same": True, "different": []}, path
    assert bearer(there, token).get("/api/v1/me").json["name"] == "ci"
    triggered = bearer(there, token).post("/api/v1/templates/deploy/runs", json={})
    assert triggered.status_code == 202
    assert signing.deliver(there.client, signing.payload("github/push_branch")).status_code == 202
    wrong = signing.deliver(
        there.client, signing.payload("github/push_branch"), secret="another-secret"
    )
    assert wrong.status_code == 401


def test_a_token_that_is_made_afterwards_counts_as_those_that_were_restored(here, there, token):
    there.restore(here.backup())

    made = there.client.post("/api/v1/tokens", json={"name": "new"}).json["token"]

    names = [bearer(there, each).get("/api/v1/me").json["name"] for each in (token, made)]
    assert names == ["ci", "new"]


def test_nothing_can_be_read_of_it_and_nothing_secret_is_said(here, there, token):
    text = here.backup()
    there.restore(text)

    names = ("root", "deploy", "nightly", "become_password", "git.example", "U12345678")
    secrets = (PASSWORD, VARIABLE, signing.SECRET, CHAT["secret"], token.rpartition("_")[2])
    for each in (*secrets, *names, KEY, BACKUP_KEY):
        assert each not in text
    said = "".join(part for part in (*here.said, *there.said))
    audit = str(there.state()["audit"])
    for each in (*secrets, KEY, OTHER_KEY, BACKUP_KEY, "BEGIN OPENSSH"):
        assert each not in said
        assert each not in audit


def test_the_audit_has_all_that_was_restored(here, there, token):
    there.restore(here.backup())

    entries = there.show("audit?actor=restore")["entries"]
    assert [(entry["action"], entry["target"]) for entry in reversed(entries)] == [
        ("credential.put", "credential key"),
        ("credential.put", "credential root"),
        ("template.put", "template deploy"),
        ("hook.put", "hook chat"),
        ("hook.put", "hook site"),
        ("schedule.put", "schedule nightly"),
        ("token.create", "token ci"),
        ("backup.restore", "backup"),
    ]
    assert entries[0]["detail"]["changed"] == 7


@pytest.fixture
def vaulted(tmp_path: Path) -> str:
    """A variable that only the right password opens."""
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    vault = Path(sys.executable).with_name("ansible-vault")
    done = subprocess.run(
        [vault, "encrypt", "--vault-id", f"site@{file}", "--output", "-"],
        input="word: opened\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_run_plays_there_with_a_credential_of_the_backup(
    here, there, start, playbook, redis, bench, vaulted
):
    plays = "- hosts: all\n  gather_facts: false\n  vars_files: [secrets.yml]\n"
    plays += '  tasks:\n    - debug: msg="it is {{ word }}"\n'
    url = playbook(plays, **{"secrets.yml": vaulted}).url
    here.put("credentials/vault", VAULT)
    template = {
        "playbook": {"repository": url, "ref": "main", "path": "site.yml"},
        "inventory": {"content": LOCAL},
        "credentials": ["vault"],
    }
    here.put("templates/vaulted", template)
    there.restore(here.backup())

    start(DATABASE_URL=there.url, CURTAIN_SECRET_KEY=OTHER_KEY)
    run_id = there.client.post("/api/v1/templates/vaulted/runs", json={}).json["id"]

    with psycopg.connect(there.url, autocommit=True, row_factory=dict_row) as conn:
        bench = Bench(conn, redis, bench.environ)
        (run,) = bench.rows()
        assert run.id == run_id
        assert bench.await_final(run).state is RunState.SUCCEEDED, bench.output(run)
        assert b"it is opened" in bench.output(run)
        assert bench.family(run) == []


def test_a_schedule_is_due_from_now_on_and_makes_up_for_nothing(here, there, conn):
    here.put("templates/deploy", TEMPLATE)
    here.put("schedules/late", {"template": "deploy", "cron": "* * * * *", "catch_up": "once"})
    here.put("schedules/rests", {"template": "deploy", "cron": "* * * * *", "paused": True})
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    here.put("schedules/over", {"template": "deploy", "at": tomorrow, "catch_up": "once"})
    conn.execute(
        """UPDATE schedules
              SET next_at = now() - interval '1 day', fire_at = now() - interval '1 day'
            WHERE next_at IS NOT NULL"""
    )
    conn.execute(
        "UPDATE schedules SET spec = spec || %s WHERE name = 'over'",
        [Jsonb({"at": "2020-01-01T00:00:00+00:00"})],
    )

    before = datetime.now(UTC)
    there.restore(here.backup())

    rows = {row["name"]: row for row in there.state()["schedules"]}
    assert before < rows["late"]["next_at"] <= before + timedelta(minutes=2)
    assert [rows[name]["next_at"] for name in ("rests", "over")] == [None, None]
    assert [rows[name]["last_at"] for name in rows] == [None] * 3


def test_who_has_lost_the_key_gets_the_secrets_back_from_the_backup(
    here, token, make_client, database_url
):
    text = here.backup()
    changed = make_client(secret_key=OTHER_KEY)
    lost = Place(database_url, OTHER_KEY, changed)
    assert bearer(lost, token).get("/api/v1/me").status_code == 503

    refused = call(lost.url, lost.key, "backup")

    assert (refused.returncode, refused.stdout) == (FAILED, "")
    for each in ("credential root", "hook site", "schedule nightly", "the key of tokens"):
        assert f"{each}: none of the keys in CURTAIN_SECRET_KEY reads its secrets" in refused.stderr
    lost.restore(text, "--replace")
    assert bearer(lost, token).get("/api/v1/me").json["name"] == "ci"
    assert lost.client.post("/api/v1/credentials/root/compare", json=BECOME).json["same"]
