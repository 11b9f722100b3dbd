"""Settings are read once, all faults at once, and secrets are not repeated."""

import pytest

from runner.settings import Settings
from runner.store_settings import SettingsInvalid

NEEDED = {
    "DATABASE_URL": "postgresql://",
    "REDIS_URL": "redis://",
    "CURTAIN_ADMIN_TOKEN": "t" * 32,
    "CURTAIN_SECRET_KEY": "k" * 32,
}


def test_what_is_needed_is_enough():
    settings = Settings.from_environ(NEEDED)

    assert settings.slots == 10
    assert settings.beat * 3 == settings.lease


def test_every_fault_is_named_at_once():
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_environ({**NEEDED, "DATABASE_URL": "", "RUNNER_SLOTS": "many"})

    assert "DATABASE_URL" in str(error.value)
    assert "RUNNER_SLOTS" in str(error.value)


def test_a_secret_that_is_wrong_is_not_repeated():
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_environ({**NEEDED, "CURTAIN_ADMIN_TOKEN": "short-token"})

    assert "CURTAIN_ADMIN_TOKEN" in str(error.value)
    assert "short-token" not in str(error.value)


def test_a_password_in_a_malformed_address_is_not_repeated():
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_environ({**NEEDED, "DATABASE_URL": "postgres//u:TOPSECRET@h/db"})

    assert "DATABASE_URL" in str(error.value)
    assert "TOPSECRET" not in str(error.value)


def test_secrets_are_not_shown():
    settings = Settings.from_environ(NEEDED)

    assert "t" * 32 not in repr(settings)
    assert "k" * 32 not in repr(settings)


def test_lists_are_written_with_commas():
    settings = Settings.from_environ({**NEEDED, "RUNNER_PASS_ENV": "AWS_*, VAULT_ADDR"})

    assert settings.pass_environment == ("AWS_*", "VAULT_ADDR")
