"""When two starts of ansible-playbook are so alike that one may be a copy."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import recipe
from runner.recipe import FILE, Recipe, digest, make_recipe, take

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))
Make = Callable[..., Recipe | None]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make the recipe of a run with a directory of its own."""

    def of(
        name: str, script: str = ANSIBLE, config: str | None = None, **more: str
    ) -> Recipe | None:
        directory = tmp_path / name
        project = directory / "project"
        project.mkdir(parents=True, exist_ok=True)
        project.chmod(0o700)
        if config is not None:
            (project / "ansible.cfg").write_text(config)
        environment = {"HOME": str(tmp_path), "TMPDIR": str(directory / "tmp"), **more}
        environment |= {"CURTAIN_RUN": name}
        return make_recipe(directory, script, project, environment, may_leave=False)

    return of


def test_two_runs_of_a_template_have_one_recipe(make: Make) -> None:
    assert make("1", config="[defaults]\n") == make("2", config="[defaults]\n") is not None


@pytest.mark.parametrize(
    ("other", "part"),
    [({"config": "[defaults]\nforks = 2\n"}, "config"), ({"FORKS": "2"}, "environment")],
)
def test_what_ansible_reads_makes_another(make: Make, other: dict[str, str], part: str) -> None:
    one, two = make("1"), make("2", **other)

    assert one is not None
    assert two is not None
    assert one.difference(two) == part


def test_what_no_copy_can_be_like_has_none(make: Make, tmp_path: Path) -> None:
    script = tmp_path / "ansible-playbook"
    script.write_text("#!/usr/bin/python9\nfrom ansible.cli.playbook import main\n")

    assert make("1", PYTHONPATH="/x") is None
    assert make("2", script=str(script)) is None
    assert make("3", script="/nowhere") is None


def test_a_recipe_is_taken_as_it_was_left_and_not_otherwise(make: Make, tmp_path: Path) -> None:
    left = make("1")
    assert left is not None
    (tmp_path / FILE).write_text(left.write())
    wanted = digest(left.write().encode())

    assert take(tmp_path, wanted) == left
    (tmp_path / FILE).write_text(left.write().replace("TMPDIR", "LD_PRELOAD"))
    assert take(tmp_path, wanted) is None
    (tmp_path / FILE).unlink()
    assert take(tmp_path, wanted) is None


def test_no_variable_is_taken_for_the_place_of_a_run(make: Make) -> None:
    one = make("1", MINE=recipe.RUN)

    assert one is None or one.environment["MINE"] == recipe.RUN
