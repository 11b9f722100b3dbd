"""`python -m app backup` and `restore`: into another installation, which has another key."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from runner.run import RunState
from runner.store import declared
from runner.vault import Vault
from tests import keys
from tests.api import TEMPLATE
from tests.hooks import signing
from tests.runners import LOCAL, ROOT, Bench
from tests.waiting import wait_until

KEY, OTHER_KEY = "a-key-of-the-tests", "the-key-of-another-installation"
BACKUP_KEY = "a-key-for-backups-alone"
PASSWORD, VARIABLE = "hunter2-is-a-password", "hunter2-is-a-variable"
BECOME = {"kind": "become_password", "password": PASSWORD}
VAULT = {"kind": "vault_password", "password": PASSWORD, "vault_id": "site"}
HOOK = {"sender": "github", "template": "deploy", "secret": signing.SECRET}
NIGHTLY = {"template": "deploy", "cron": "* * * * *", "vars": {"password": VARIABLE}}
CHAT = {
    "sender": "slack",
    "secret": "hunter2-of-a-chat",
    "people": [{"users": ["U12345678"], "rights": ["run", "stop"], "templates": ["deploy*"]}],
}
FAILED, OCCUPIED = 1, 3
#: Somebody waits for a table that others hold.
BLOCKED = """SELECT 1 FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def call(database_url: str, secret_key: str, *words: str, given: str = "", **environ: str):
    """Back up or restore, as an operator does: without Redis and the token of the settings."""
    unset = ("REDIS_URL", "CURTAIN_ADMIN_TOKEN")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    ours = {
        "DATABASE_URL": database_url,
        "CURTAIN_SECRET_KEY": secret_key,
        "CURTAIN_BACKUP_KEY": BACKUP_KEY,
    }
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT,
        env=kept | ours | environ,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


@dataclass
class Place:
    """An installation: its database, its key, and who has the token of its settings."""

    url: str
    key: str
    client: FlaskClient
    said: list[str] = field(default_factory=list)

    def backup(self, **environ: str) -> str:
        done = call(self.url, self.key, "backup", **environ)
        assert done.returncode == 0, done.stderr
        self.said += [done.stdout, done.stderr]
        return done.stdout

    def restore(self, text: str, *words: str, code: int = 0, **environ: str) -> str:
        """What it said."""
        done = call(self.url, self.key, "restore", *words, given=text, **environ)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def put(self, path: str, body: dict) -> None:
        done = self.client.put(f"/api/v1/{path}", json=body)
        assert done.status_code in (200, 201), done.json

    def show(self, path: str) -> dict:
        return self.client.get(f"/api/v1/{path}").json

    def state(self) -> dict[str, list[dict]]:
        """All that a restore could change, to the byte."""
        tables = ("credentials", "templates", "template_credentials", "hooks", "schedules")
        with psycopg.connect(self.url, row_factory=dict_row) as conn:
            return {
                table: conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                for table in (*tables, "tokens", "token_key", "audit")
            }


@pytest.fixture
def here(client: FlaskClient, database_url: str) -> Place:
    """The installation that is backed up."""
    return Place(database_url, KEY, client)


@pytest.fixture
def other_url(services, server, template_database, worker, numbers) -> Iterator[str]:
    """An empty database beside the test's own."""
    name = f"other_{worker}_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    yield services["postgres"].replace("/postgres?", f"/{name}?")
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def there(other_url: str, make_client: Callable[..., FlaskClient]) -> Place:
    """Another one, with another key."""
    client = make_client(database_url=other_url, secret_key=OTHER_KEY)
    return Place(other_url, OTHER_KEY, client)


@pytest.fixture
def token(here: Place) -> str:
    """Declares one of each kind, and tells the token among them."""
    here.put("credentials/root", BECOME)
    here.put("credentials/key", {"kind": "ssh_key", "private_key": keys.private_key()})
    here.put("templates/deploy", {**TEMPLATE, "credentials": ["root", "key"]})
    here.put("hooks/site", HOOK)
    here.put("hooks/chat", CHAT)
    here.put("schedules/nightly", NIGHTLY)
    made = here.client.post("/api/v1/tokens", json={"name": "ci", "rights": ["read", "run"]})
    return made.json["token"]


def bearer(place: Place, token: str) -> FlaskClient:
    client = place.client.application.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


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


def damaged(text: str) -> dict[str, str]:
    """Files that are no backup of ours, by what is wrong with them."""
    file = json.loads(text)
    sealed = file["sealed"]
    middle = len(sealed) // 2
    other = "A" if sealed[middle] != "A" else "B"
    return {
        "is no backup": "",
        "not all of one": text[:middle],
        "or not all": json.dumps([file]),
        "is damaged": json.dumps(file | {"sealed": sealed[:middle] + other + sealed[middle + 1 :]}),
        "was made with another key": json.dumps(
            file | {"sealed": Vault("another-key-for-backups").seal({"made_at": 1}).decode()}
        ),
        "has the format 2, and this version of Curtain knows 1": json.dumps(
            file | {"curtain_backup": 2}
        ),
    }


def test_what_is_damaged_or_foreign_is_refused_and_nothing_is_changed(here, there, token):
    there.put("templates/own", TEMPLATE)
    before = there.state()

    for words, text in damaged(here.backup()).items():
        said = there.restore(text, "--replace", code=FAILED)

        assert words in said
        assert "nothing was done" in said
    assert there.state() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shifts": {}}, "shifts is not known here"),
        (
            {"templates": {"t": {**TEMPLATE, "canary": True}}},
            "templates.t.canary is not known here",
        ),
        ({"credentials": {"c": {"kind": "passkey"}}}, "credentials.c must be "),
        ({"hooks": {"h": {**HOOK, "sender": "forgejo2"}}}, "hooks.h must be one of "),
        ({"tokens": {}, "token_key": None, "made_at": "yesterday"}, "made_at "),
    ],
)
def test_of_a_newer_version_what_is_not_known_is_named(here, there, token, change, words):
    vault = Vault(BACKUP_KEY)
    content = vault.open(json.loads(here.backup())["sealed"].encode())
    newer = {**content, **change, "version": "9.9.9"}
    text = json.dumps({"curtain_backup": 1, "sealed": vault.seal(newer).decode()})
    before = there.state()

    said = there.restore(text, code=FAILED)

    assert "it was made by Curtain 9.9.9" in said
    assert words in said
    assert not any(each in said for each in (PASSWORD, VARIABLE, signing.SECRET))
    assert there.state() == before


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


def test_what_is_missing_is_named_and_no_key_is_told(here, server, other_url):
    short = call(here.url, KEY, "backup", CURTAIN_BACKUP_KEY="short-key")
    without = call(here.url, "", "backup", CURTAIN_DATA="/nonexistent")
    away = call("postgresql://127.0.0.1:1/nowhere", KEY, "backup")
    with psycopg.connect(other_url, autocommit=True) as conn:
        conn.execute("DELETE FROM migrations WHERE name LIKE '0014%'")
    older = call(other_url, KEY, "restore", given="{}")

    assert "CURTAIN_BACKUP_KEY: " in short.stderr
    assert "short-key" not in short.stderr
    assert "CURTAIN_SECRET_KEY: " in without.stderr
    assert "start it again when Postgres answers" in away.stderr
    assert "run `python -m app migrate` first" in older.stderr
    for each in (short, without, away, older):
        assert (each.returncode, each.stdout) == (FAILED, "")
        assert "Traceback" not in each.stderr
