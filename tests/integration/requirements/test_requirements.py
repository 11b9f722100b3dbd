"""Roles and collections of requirements.yml: where they are found, and what counts more."""

from pathlib import Path

import pytest

from tests.leading import (
    message,
    run,
)
from tests.repositories import make_repository
from tests.requiring import COLLECTION, LOOKUP, ROLES, TELL, TOOLS, require, role_files


@pytest.mark.parametrize(
    "file",
    ["requirements.yml", "roles/requirements.yaml"],
)
def test_roles_that_a_project_requires_are_there(order, repository, role, file):
    require(repository, role.url, file=file)

    ended = run(order)

    assert message(ended) == "one"
    assert list(ended.events) == ["started", "prepared", "installed", "playing", "exit", "gone"]
    assert ended.events["installed"]["source"] == "galaxy"
    assert ended.events["installed"]["roles"] == {"web": "v1.0"}
    assert ended.events["installed"]["seconds"] > 0
    assert "- web (v1.0) was installed successfully" in ended.output


@pytest.mark.parametrize("file", ["requirements.yml", "collections/requirements.yml"])
def test_collections_that_a_project_requires_are_there(order, repository, tools, file):
    wanted = f"collections:\n  - name: git+{tools.url}\n    type: git\n    version: main\n"
    repository.commit({"site.yml": COLLECTION, file: wanted})

    ended = run(order)

    assert message(ended) == "a word of the collection"
    assert ended.events["installed"]["collections"] == {"ada.tools": "1.2.3"}


def test_one_file_may_name_both_and_several_files_count(order, repository, role, collection):
    both = f"roles: [{{src: 'git+{role.url}'}}]\ncollections: ['{collection}']\n"
    other = make_repository(Path(role.path).with_name("other"), role_files("other"))
    repository.commit({"requirements.yml": both, "roles/requirements.yml": f"- git+{other.url}\n"})

    ended = run(order)

    installed = ended.events["installed"]
    assert list(installed["roles"]) == ["other", "web"]
    assert list(installed["collections"]) == ["ada.tools"]


def test_requirements_are_those_of_the_project(order, repository, role):
    require(repository, role.url, file="ansible/requirements.yml")
    repository.commit({"requirements.yml": "nothing: that is valid\n", "ansible/site.yml": ROLES})
    place = {"path": "ansible/site.yml", "project": "ansible"}

    ended = run(order | {"playbook": order["playbook"] | place})

    assert message(ended) == "one"


def test_a_template_may_do_without_them(order, repository):
    repository.commit(
        {"requirements.yml": "nothing: that is valid\n", "roles/web/tasks/main.yml": TELL % "1"}
    )

    ended = run(order | {"requirements": False})

    assert message(ended) == 1
    assert "installed" not in ended.events


def test_requirements_outside_the_repository_are_refused(order, repository, tmp_path):
    (tmp_path / "secret.yml").write_text("- src: hunter2\n")
    (repository.path / "requirements.yml").symlink_to(tmp_path / "secret.yml")
    repository.commit_all()

    ended = run(order)

    assert ended.events["refused"]["code"] == "bad_path"
    assert "hunter2" not in ended.output


def test_a_role_of_the_project_counts_more_than_an_installed_one(order, repository, role):
    repository.commit({"roles/web/tasks/main.yml": TELL % "'its own'"})
    require(repository, role.url)

    assert message(run(order)) == "its own"


def test_a_collection_beside_the_playbook_counts_more_than_an_installed_one(
    order, repository, collection
):
    there = "collections/ansible_collections/ada/tools/"
    own = TOOLS | {"plugins/lookup/word.py": LOOKUP.replace("a word of the collection", "its own")}
    repository.commit(
        {"site.yml": COLLECTION, "requirements.yml": f"collections: ['{collection}']\n"}
        | {there + name: text for name, text in own.items()}
    )

    assert message(run(order)) == "its own"


@pytest.mark.parametrize("by", ["ansible.cfg", "the template"])
def test_where_roles_are_looked_for_is_extended_never_replaced(order, repository, role, by):
    repository.commit({"shared/web/tasks/main.yml": TELL % "'shared'"})
    require(repository, role.url)
    if by == "ansible.cfg":
        repository.commit({"ansible.cfg": "[defaults]\nroles_path = gone:./shared\n"})
    else:
        order = order | {"environment": {"ANSIBLE_ROLES_PATH": "gone:shared"}}

    assert message(run(order)) == "shared"


def test_a_role_of_the_machine_counts_less_than_an_installed_one(order, repository, role):
    home = Path(order["base_environment"]["HOME"])
    there = home / ".ansible/roles/web/tasks"
    there.mkdir(parents=True)
    (there / "main.yml").write_text(TELL % "'the one at home'")
    there.parent.with_name("mine").mkdir()
    require(repository, role.url)

    assert message(run(order)) == "one"
