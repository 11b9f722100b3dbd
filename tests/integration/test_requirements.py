"""Roles and collections of requirements.yml: real ansible-galaxy, real repositories, no network."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.galaxy_cache import Home
from tests.leading import (
    PROGRAMS,
    again,
    make_order,
    marked_processes,
    message,
    remove_sockets,
    run,
)
from tests.repositories import ENVIRONMENT, make_repository
from tests.waiting import wait_until

META = "galaxy_info: {author: ada, description: x, license: MIT, min_ansible_version: '2.19'}\n"
TELL = '- debug: msg="{{ %s | to_json }}"\n'
ROLES = """
- hosts: all
  gather_facts: false
  roles: [web]
"""
COLLECTION = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ lookup('ada.tools.word') | to_json }}"
"""
LOOKUP = """
from ansible.plugins.lookup import LookupBase

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ["a word of the collection"]
"""


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": ROLES})


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository)
    remove_sockets(tmp_path)


def role_files(word):
    return {"meta/main.yml": META, "tasks/main.yml": TELL % f"'{word}'"}


@pytest.fixture
def role(tmp_path):
    """A repository with the role web, tagged v1.0."""
    role = make_repository(tmp_path / "web", role_files("one"))
    role.git("tag", "v1.0")
    return role


def require(repository, url, version="v1.0", file="requirements.yml"):
    """Have a project require a role at a version."""
    text = f"roles:\n  - src: git+{url}\n    version: {version}\n"
    return repository.commit({file: text})


GALAXY = "namespace: ada\nname: tools\nversion: 1.2.3\nreadme: README.md\nauthors: [ada]\n"
TOOLS = {"galaxy.yml": GALAXY, "README.md": "# Tools\n", "plugins/lookup/word.py": LOOKUP}


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


# Where they are.


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


# What counts more.


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


# From the cache.


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


def word(ended):
    """The word that the installed role would tell."""
    return ended.output.rpartition("{{ '")[2].partition("'")[0]


def test_what_is_installed_is_used_again_without_ansible_galaxy(quick, repository, role):
    require(repository, role.url)
    run(quick)
    shutil.rmtree(role.path)

    ended = run(again(quick))

    assert word(ended) == "one"
    assert ended.events["installed"]["source"] == "cache"
    assert ended.events["installed"]["roles"] == {"web": "v1.0"}
    assert ended.output.startswith("- debug")  # nothing is before what the playbook says


def test_a_commit_that_does_not_touch_them_changes_nothing(quick, repository, role):
    require(repository, role.url)
    run(quick)
    repository.commit({"other.yml": "[]"})

    assert run(again(quick)).events["installed"]["source"] == "cache"


def test_other_requirements_are_installed(quick, repository, role):
    require(repository, role.url)
    run(quick)
    role.commit(role_files("two"))
    role.git("tag", "v2.0")
    require(repository, role.url, "v2.0")

    assert word(run(again(quick))) == "two"


@pytest.mark.parametrize(
    ("version", "age", "words"),
    [
        ("main", 0, "two"),  # it is due
        ("main", 3600, "one"),  # not yet
        ("v1.0", 0, "one"),  # what is pinned is never due, even if somebody moves the tag
    ],
)
def test_what_is_not_pinned_is_installed_again_when_it_is_due(
    quick, repository, role, version, age, words
):
    require(repository, role.url, version)
    run(quick)
    role.commit(role_files("two"))
    role.git("tag", "--force", "v1.0")

    assert word(run(again(quick) | {"galaxy_age": age})) == words


def test_when_it_cannot_be_renewed_it_is_used_once_more_and_says_so(quick, repository, role):
    require(repository, role.url, "main")
    run(quick)
    shutil.rmtree(role.path)

    ended = run(again(quick) | {"galaxy_age": 0})

    assert word(ended) == "one"
    assert "does not appear to be a git repository" in ended.events["installed"]["stale"]
    assert "those of before are used" in ended.output


def test_a_role_in_the_project_itself_goes_with_its_commit(quick, repository, tmp_path):
    def pack(word):
        source = make_repository(tmp_path / word, role_files(word))
        source.git("archive", "--prefix=web/", "-o", str(repository.path / "web.tar.gz"), "HEAD")
        repository.commit(
            {"requirements.yml": "- src: ./web.tar.gz\n  name: web\n  version: v1.0\n"}
        )

    pack("one")
    assert word(run(quick)) == "one"
    pack("two")

    assert word(run(again(quick))) == "two"


def test_of_ten_first_runs_at_once_one_installs(quick, repository, role):
    require(repository, role.url)
    orders = [again(quick, number) for number in range(10)]

    with ThreadPoolExecutor(10) as pool:
        ended = list(pool.map(run, orders))

    assert [word(each) for each in ended] == ["one"] * 10
    sources = [each.events["installed"]["source"] for each in ended]
    assert sorted(sources) == ["cache"] * 9 + ["galaxy"]


# When it fails, or hangs.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "roles:\n  - src: git+file:///nowhere/web\n",
            "'/nowhere/web' does not appear to be a git",
        ),
        ("roles: [\n", "Failed to parse the requirements yml"),
        ("foo: []\n", "Expecting only 'roles' and/or 'collections' as base keys"),
        ("collections: [{name: /nowhere.tar.gz}]\n", "Could not find /nowhere.tar.gz"),
        ("roles: [{src: 'git+http://127.0.0.1:1/web'}]\n", "transport 'http' not allowed"),
        ("roles: [{src: 'git+https://u:hunter2@127.0.0.1:1/web'}]\n", "https://***@127.0.0.1"),
    ],
)
def test_a_failure_is_told_in_the_words_of_ansible_galaxy(order, repository, text, words):
    repository.commit({"requirements.yml": text})

    ended = run(order)

    assert ended.events["refused"]["code"] == "requirements_failed"
    assert words in ended.events["refused"]["message"]
    assert "--ignore-errors" not in ended.events["refused"]["message"]
    assert "hunter2" not in ended.events["refused"]["message"]
    assert ended.events["prepared"]["playbook_sha"]
    assert "playing" not in ended.events


def test_requirements_without_ansible_galaxy_say_so(order, repository, role, tmp_path):
    require(repository, role.url)
    alone = tmp_path / "alone" / "ansible-playbook"
    alone.parent.mkdir()
    alone.write_text("#!/bin/sh\n")
    alone.chmod(0o755)
    environment = order["base_environment"] | {"PATH": str(alone.parent)}

    ended = run(order | {"ansible_playbook": str(alone), "base_environment": environment})

    assert ended.events["refused"]["code"] == "no_galaxy"


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


def test_a_run_that_is_stopped_while_it_installs_leaves_nobody(
    order, repository, role, hanging, tmp_path
):
    require(repository, role.url)
    environment = order["base_environment"] | {"PATH": hanging}

    ended = run(order | {"base_environment": environment}, (tmp_path / "pid").exists, PATH=hanging)

    assert "installed" not in ended.events
    assert ended.events["gone"]["seconds"] < 1
    assert not marked_processes()

    assert message(run(again(order))) == "one"  # what it left behind does not matter


# What ansible-galaxy sees.


SPY = """#!/bin/sh
env > {tmp}/seen
exec {galaxy} "$@"
"""


def test_ansible_galaxy_sees_the_way_there_and_nothing_of_the_playbook(
    order, repository, role, tmp_path
):
    require(repository, role.url)
    repository.commit({"ansible.cfg": "[galaxy]\nserver_timeout = 7\n"})
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ansible-playbook").symlink_to(PROGRAMS / "ansible-playbook")
    spy = programs / "ansible-galaxy"
    spy.write_text(SPY.format(tmp=tmp_path, galaxy=PROGRAMS / "ansible-galaxy"))
    spy.chmod(0o755)
    own = {
        "ANSIBLE_GALAXY_SERVER": "https://galaxy.example",
        "ANSIBLE_BECOME_PASSWORD": "hunter2",
        "no_proxy": "example",
        "DB_PASSWORD": "hunter2",
    }
    base = order["base_environment"] | {"AWS_SECRET_ACCESS_KEY": "hunter2"}
    playbook = str(programs / "ansible-playbook")

    ended = run(
        order | {"environment": own, "base_environment": base, "ansible_playbook": playbook}
    )

    assert message(ended) == "one"
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert "hunter2" not in str(seen)
    assert seen["ANSIBLE_GALAXY_SERVER"] == "https://galaxy.example"
    assert seen["ANSIBLE_CONFIG"] == f"{order['directory']}/project/ansible.cfg"
    assert (seen["no_proxy"], seen["GIT_ALLOW_PROTOCOL"]) == ("example", "file")
    assert seen["GIT_CONFIG_GLOBAL"].endswith("runner/gitconfig")
    assert Path(seen["HOME"]).is_relative_to(order["directory"])
    assert seen["CURTAIN_RUN"] == "12"


TOKEN = {
    "name": "forge",
    "scope": "forge",
    "kind": "git_https",
    "username": "ada",
    "password": "hunter2",
    "host": None,
}


def test_what_opens_the_playbooks_repository_opens_what_it_requires(
    order, repository, role, serve_https, certificates
):
    """On the same server; nobody else is shown it, and nobody without it gets what it opened."""
    https, stranger = serve_https({"ada": "hunter2"}), serve_https({"ada": "hunter2"})
    require(repository, https.url("web"))
    source = order["playbook"] | {"repository": https.url()}
    opened = order | {"protocols": ["https"], "playbook": source}
    ours = {"access": {"playbook": TOKEN, "inventory": None}}

    assert message(run(opened | ours, GIT_SSL_CAINFO=str(certificates))) == "one"

    https.users = None
    without = run(again(opened), GIT_SSL_CAINFO=str(certificates))
    assert without.events["installed"]["source"] == "galaxy"

    require(repository, stranger.url("web"))
    refused = run(again(opened | ours, 3), GIT_SSL_CAINFO=str(certificates))
    assert "the credential is for" in refused.events["refused"]["message"]
    only = f"credential 'forge' is for https://{https.host} only"
    assert refused.events["refused"]["message"].endswith(only)
    assert "hunter2" not in str(refused)
    assert stranger.credentials == set()


def test_a_repository_cannot_have_its_credential_told_to_an_unproved_server(
    order, repository, role, serve_https, certificates
):
    """Its ansible.cfg may want no certificates looked at; the token is not its own to risk."""
    https = serve_https({"ada": "hunter2"})
    require(repository, https.url("web"))
    sha = repository.commit({"ansible.cfg": "[galaxy]\nignore_certs = true\n"})
    source = order["playbook"] | {"repository": https.url()}
    access = {"playbook": TOKEN, "inventory": None}
    pinned = {"playbook": sha, "inventory": None}
    opened = order | {
        "protocols": ["https"], "playbook": source, "access": access, "pinned": pinned
    }  # fmt: skip
    run(opened | {"requirements": False}, GIT_SSL_CAINFO=str(certificates))  # the tree is here now
    https.asked.clear()

    refused = run(again(opened))  # and the server's certificate is nobody's

    assert "certificate" in refused.events["refused"]["message"]
    assert https.credentials == set()


# What a run tells.


def test_a_run_tells_what_it_has_got(bench, runner, repository, role):
    require(repository, role.url)

    run = bench.await_final(bench.trigger(repository.url))

    assert run.state == "succeeded"
    [event] = bench.events(run, "installed")
    assert event.detail["roles"] == {"web": "v1.0"}
    assert event.detail["source"] == "galaxy"


def test_a_run_whose_requirements_cannot_be_installed_fails_with_the_reason(
    bench, runner, repository
):
    repository.commit({"requirements.yml": "foo: []\n"})

    run = bench.await_final(bench.trigger(repository.url))

    assert run.state == "failed"
    assert "Expecting only 'roles' and/or 'collections'" in run.message
    assert run.playbook_sha == repository.git("rev-parse", "HEAD")


def test_a_run_that_is_stopped_while_it_installs_reads_stopped(
    bench, start, repository, role, hanging, tmp_path
):
    require(repository, role.url)
    start(PATH=hanging)
    run = bench.trigger(repository.url)
    wait_until((tmp_path / "pid").exists, timeout=30)

    bench.stop(run)

    assert bench.await_final(run).state == "stopped"
    assert not bench.family(run)


def test_a_runner_evicts_what_nobody_takes_any_more(bench, start):
    home = Home(Path(bench.environ["CURTAIN_DATA"]) / "galaxy" / "0badcafe")
    (home.installed / "roles").mkdir(parents=True)
    (home.installed / "roles" / "old").write_text("x" * 10_000)
    old = time.time() - 31 * 86_400
    os.utime(home.path, (old, old))

    start()

    wait_until(lambda: not home.installed.exists(), timeout=30)
