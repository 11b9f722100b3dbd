"""Templates, their runs, and who looks after what comes then."""

import pytest

from runner.follow_ups import FollowUps
from runner.run import Run
from runner.store import templates
from runner.store.connection import Line
from runner.template import Template
from runner.vault import Vault
from tests.repositories import make_repository
from tests.runners import LOCAL


@pytest.fixture
def declare(bench, tmp_path):
    """Declare a template as the API does."""

    def declare_one(name: str, text: str, inventory: str = LOCAL, **spec) -> dict:
        repository = make_repository(tmp_path / name, {"site.yml": text}).url
        place = {"repository": repository, "ref": "main", "path": "site.yml"}
        whole = {"playbook": place, "inventory": {"content": inventory}, "grace": 1, **spec}
        stored = Template.model_validate(whole).spec()
        templates.put(bench.conn, name, stored, "ada")
        return stored

    return declare_one


@pytest.fixture
def run_it(bench):
    """Trigger a declared template."""

    def run_one(name: str, **more) -> Run:
        spec = dict(templates.find(bench.conn, name).spec)
        place = spec.pop("playbook")
        inventory = spec.pop("inventory")
        return bench.trigger(
            place["repository"], inventory, template=name, playbook=place, **spec, **more
        )

    return run_one


@pytest.fixture
def make(bench, redis):
    """Whoever does what comes after runs."""
    lines = []

    def make_one() -> FollowUps:
        lines.append(Line(bench.environ["DATABASE_URL"]))
        vault = Vault(bench.environ["CURTAIN_SECRET_KEY"])
        return FollowUps(f"one-{len(lines)}", vault, redis, lines[-1])

    yield make_one
    for line in lines:
        line.conn().close()
