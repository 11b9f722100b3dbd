"""What a restore refuses, and what it says then."""

import json

import psycopg
import pytest

from runner.vault import Vault
from tests.api import TEMPLATE
from tests.hooks import signing
from tests.integration.api.backup.place import (
    BACKUP_KEY,
    FAILED,
    HOOK,
    KEY,
    PASSWORD,
    VARIABLE,
    call,
)


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
