"""When two starts of ansible-playbook are so alike that one may be a copy."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.recipe import FILE, Recipe, digest, make_recipe, own_python, take, unlike

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))
Make = Callable[..., Recipe]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make the recipe of a run with a directory of its own."""

    def of(name: str, script: str = ANSIBLE, config: str | None = None, **more: str) -> Recipe:
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
    assert make("1", config="[defaults]\n") == make("2", config="[defaults]\n")


@pytest.mark.parametrize(
    ("other", "part"),
    [({"config": "[defaults]\nforks = 2\n"}, "config"), ({"FORKS": "2"}, "environment")],
)
def test_what_ansible_reads_makes_another(make: Make, other: dict[str, str], part: str) -> None:
    one, two = make("1"), make("2", **other)

    assert one.difference(two) == part


@pytest.mark.parametrize(
    "variable",
    [
        {"PYTHONPATH": "/x"},
        {"PYTHONSAFEPATH": "1"},
        {"LD_PRELOAD": "/x.so"},
        {"ANSIBLE_CONFIG": "../../x.cfg"},
    ],
)
def test_what_no_copy_can_be_like_is_told(tmp_path: Path, variable: dict[str, str]) -> None:
    assert unlike(tmp_path, ANSIBLE, {"PYTHONUNBUFFERED": "1"}) is None
    assert next(iter(variable)) in str(unlike(tmp_path, ANSIBLE, variable))


@pytest.mark.parametrize("name", ["python", "python3"])
def test_every_name_of_our_python_is_ours(tmp_path: Path, name: str) -> None:
    """As pip has written it there; whoever starts a runner may have called it by another."""
    script = tmp_path / "ansible-playbook"
    python = Path(sys.executable).with_name(name)
    script.write_text(f"#!{python}\nfrom ansible.cli.playbook import main\n")

    assert own_python(str(script)) == str(python)
    assert unlike(tmp_path, str(script), {}) is None


def test_the_python_of_another_environment_is_not_ours(tmp_path: Path) -> None:
    """It may be the same program, and has other packages."""
    elsewhere = tmp_path / "python"
    elsewhere.symlink_to(Path(sys.executable).resolve())
    script = tmp_path / "ansible-playbook"
    script.write_text(f"#!{elsewhere}\nfrom ansible.cli.playbook import main\n")

    assert own_python(str(script)) is None


def test_no_copy_is_like_another_program(tmp_path: Path) -> None:
    script = tmp_path / "ansible-playbook"
    script.write_text("#!/usr/bin/python9\nfrom ansible.cli.playbook import main\n")

    assert unlike(tmp_path, str(script), {})
    assert unlike(tmp_path, "/nowhere", {})


def test_an_ansible_that_was_installed_since_makes_another(make: Make, tmp_path: Path) -> None:
    script = tmp_path / "ansible-playbook"
    script.write_text("one")
    before = make("1", script=str(script))

    script.write_text("another version")

    assert before.difference(make("2", script=str(script))) == "stamps"


def test_no_copy_is_like_a_start_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    assert unlike(tmp_path / "link", ANSIBLE, {})


def test_a_recipe_is_taken_as_it_was_left_and_not_otherwise(make: Make, tmp_path: Path) -> None:
    left = make("1")
    (tmp_path / FILE).write_text(left.write())
    wanted = digest(left.write().encode())

    assert take(tmp_path, wanted) == left
    (tmp_path / FILE).write_text(left.write().replace("TMPDIR", "LD_PRELOAD"))
    assert take(tmp_path, wanted) is None
    assert take(tmp_path, wanted) is None
