"""What one run has installed the next ones take, as long as it means the same."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.leading import (
    again,
    run,
)
from tests.repositories import make_repository
from tests.requiring import require, role_files, word


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
