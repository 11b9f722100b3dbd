"""An installation that is backed up, or that a backup is restored into."""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import psycopg
from flask.testing import FlaskClient
from psycopg.rows import dict_row

from tests.hooks import signing
from tests.runners import ROOT

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


def bearer(place: Place, token: str) -> FlaskClient:
    client = place.client.application.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client
