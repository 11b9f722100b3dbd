"""What platforms read at the top of the repository fits the Procfile and the settings."""

import json
from pathlib import Path

import pytest

from app.bootstrap import procfile
from runner.settings import Settings
from runner.visible import HARMLESS

ROOT = Path(__file__).resolve().parents[2]
#: What a platform's add-ons set.
BY_ADDONS = {"DATABASE_URL": "postgres://user:password@host:5432/name", "REDIS_URL": "rediss://h"}


@pytest.fixture
def described():
    return json.loads((ROOT / "app.json").read_text())


def test_what_it_sets_is_a_setting_or_git_s_own(described):
    known = {field.alias for field in Settings.model_fields.values()}

    strange = set(described["env"]) - known
    assert all(name.startswith(HARMLESS) for name in strange), strange


def test_with_the_add_ons_nothing_is_missing(described):
    given = {
        name: about.get("value") or "s" * 64  # as long as what the platform generates
        for name, about in described["env"].items()
    }

    settings = Settings.from_environ({**BY_ADDONS, **given})

    assert settings.redis_url == "rediss://h?ssl_cert_reqs=none"
    secret = {"CURTAIN_ADMIN_TOKEN", "CURTAIN_SECRET_KEY"}
    assert {name for name, about in described["env"].items() if "generator" in about} == secret


def test_its_processes_are_those_of_the_procfile(described):
    lines = procfile.parse((ROOT / "Procfile").read_text())

    assert set(described["formation"]) == set(lines) - {"release"}
