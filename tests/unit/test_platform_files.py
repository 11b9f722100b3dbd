"""What platforms read at the top of the repository fits the Procfile and the settings."""

import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

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


PROCFILE = procfile.parse((ROOT / "Procfile").read_text())
DEFAULTS = Settings.from_environ(
    {**BY_ADDONS, "CURTAIN_ADMIN_TOKEN": "s" * 64, "CURTAIN_SECRET_KEY": "s" * 64}
)
ENDING = DEFAULTS.drain + DEFAULTS.shutdown_grace  # seconds until a runner's runs are dead
#: What a service that is not root's cannot have without NoNewPrivileges (systemd.exec), under which
#: no playbook becomes root on the runner's machine.
WITHOUT_SUDO = re.compile(
    "NoNewPrivileges|SystemCall.*|Restrict.*|Private.*|Protect.*|MemoryDeny.*|Lock.*|DynamicUser"
)


@pytest.fixture
def composed():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_starts_what_the_procfile_does(composed):
    ours = {
        name: service["command"]
        for name, service in composed["services"].items()
        if service["image"] == "curtain"
    }

    assert ours == {name: procfile.shell(line) for name, line in PROCFILE.items()}


def test_compose_sets_what_is_needed_and_keeps_no_secret(composed):
    for name in PROCFILE:
        given = composed["services"][name]["environment"]
        secrets = {key: value for key, value in given.items() if "SECRET" in key or "TOKEN" in key}
        assert all(value == f"${{{key}:?put it into .env}}" for key, value in secrets.items())
        filled = {key: re.sub(r"\$\{.*?\}", "s" * 64, value) for key, value in given.items()}
        settings = Settings.from_environ(filled)
        assert str(settings.data) in composed["services"]["runner"]["volumes"]
        assert set(given) <= {field.alias for field in Settings.model_fields.values()}


def test_compose_gives_a_runner_the_time_that_it_takes(composed):
    for name in ("runner", "watchdog", "web"):
        grace = composed["services"][name]["stop_grace_period"]
        assert float(grace.removesuffix("s")) > ENDING + 10


def unit_of(name):
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(ROOT / ".deploy" / "systemd" / f"curtain-{name}.service")
    return unit["Service"]


@pytest.mark.parametrize("name", PROCFILE)
def test_a_unit_starts_what_the_procfile_does(name):
    program = unit_of(name)["ExecStart"].removeprefix("/opt/curtain/.venv/bin/")

    assert program == PROCFILE[name].removeprefix("exec ")


def test_the_runner_s_unit_leaves_its_families_to_it():
    unit = unit_of("runner")

    assert (unit["KillMode"], unit["Delegate"], unit["OOMPolicy"]) == ("process", "yes", "continue")
    assert float(unit["TimeoutStopSec"]) > ENDING + 10
    assert [name for name in unit if WITHOUT_SUDO.fullmatch(name)] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there to verify it")
def test_systemd_understands_the_units(tmp_path):
    bin_ = str(Path(sys.executable).parent)
    for path in (ROOT / ".deploy" / "systemd").iterdir():
        text = path.read_text().replace("/opt/curtain/.venv/bin", bin_)
        (tmp_path / path.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))

    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
