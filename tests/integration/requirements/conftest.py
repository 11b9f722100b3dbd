"""A project, and what it may require: real repositories, no network."""

import os
import shutil
import subprocess

import pytest

from tests.leading import (
    PROGRAMS,
    make_order,
    remove_sockets,
)
from tests.repositories import ENVIRONMENT, make_repository
from tests.requiring import (
    ROLES,
    TOOLS,
    role_files,
)


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": ROLES})


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository)
    remove_sockets(tmp_path)


@pytest.fixture
def role(tmp_path):
    """A repository with the role web, tagged v1.0."""
    role = make_repository(tmp_path / "web", role_files("one"))
    role.git("tag", "v1.0")
    return role


@pytest.fixture
def tools(tmp_path):
    """A repository with the collection ada.tools, 1.2.3, which has one lookup."""
    return make_repository(tmp_path / "tools", TOOLS)


@pytest.fixture
def collection(tools, tmp_path):
    """The artifact of that collection."""
    galaxy = [PROGRAMS / "ansible-galaxy", "collection", "build", tools.path]
    home = {**ENVIRONMENT, "HOME": str(tmp_path)}
    subprocess.run([*galaxy, "--output-path", tmp_path], env=home, check=True, capture_output=True)
    return tmp_path / "ada-tools-1.2.3.tar.gz"


@pytest.fixture
def quick(order, tmp_path):
    """The order with an ansible-playbook that only shows the installed role's tasks."""
    programs = tmp_path / "quick"
    programs.mkdir()
    (programs / "ansible-galaxy").symlink_to(PROGRAMS / "ansible-galaxy")
    playbook = programs / "ansible-playbook"
    playbook.write_text('#!/bin/sh\ncat "${ANSIBLE_ROLES_PATH%%:*}/web/tasks/main.yml"\n')
    playbook.chmod(0o755)
    return order | {"ansible_playbook": str(playbook)}


@pytest.fixture
def hanging(tmp_path):
    """A PATH whose git writes its pid and then hangs when it shall clone."""
    programs = tmp_path / "programs"
    programs.mkdir()
    git = programs / "git"
    git.write_text(
        f"#!/bin/sh\ncase $1 in clone) echo $$ > {tmp_path}/pid; exec sleep 3600;; esac\n"
        f'exec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"
