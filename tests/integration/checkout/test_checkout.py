"""Checkouts of real repositories: the files of one commit, many at once."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from runner import git as git_command
from runner.checkout import checkout, resolve
from runner.git import forget_strays
from tests.checkouts import fails_with, names_in, needs_root, written
from tests.repositories import make_repository


def test_a_tree_holds_the_files_of_its_commit_and_nothing_of_git(repository, cache, destination):
    script = repository.path / "hosts.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (repository.path / "link").symlink_to("site.yml")
    sha = repository.commit_all()

    tree = checkout(cache, repository.url, sha, destination)

    assert names_in(tree.root) == {
        "site.yml",
        "link",
        "hosts.sh",
        "roles",
        "roles/a",
        "roles/a/b.yml",
    }
    assert (destination / "hosts.sh").stat().st_mode & 0o777 == 0o755
    assert os.readlink(destination / "link") == "site.yml"
    assert destination.stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(destination.parent)) == ["project"]


def test_a_commit_that_is_here_needs_no_remote(repository, cache, destination):
    first = repository.git("rev-parse", "HEAD")
    newest = repository.commit({"site.yml": "two"})
    checkout(cache, repository.url, newest, destination)
    shutil.rmtree(repository.path)

    checkout(cache, repository.url, newest, destination)
    checkout(cache, repository.url, first, destination)  # an ancestor came with it

    assert (destination / "site.yml").read_text() == "one"


def test_a_commit_that_was_pushed_away_still_runs(repository, cache, destination):
    gone = repository.commit({"site.yml": "two"})
    checkout(cache, repository.url, gone, destination)
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    forced = repository.commit({"site.yml": "three"})

    assert resolve(repository.url, "main") == forced
    assert written(cache, repository, forced, destination) == "three"
    assert written(cache, repository, gone, destination) == "two"


def test_the_branch_of_a_pinned_commit_may_be_deleted(repository, cache, destination):
    repository.git("branch", "topic")
    sha = resolve(repository.url, "topic")
    checkout(cache, repository.url, sha, destination)
    repository.git("branch", "--delete", "--force", "topic")

    checkout(cache, repository.url, sha, destination)
    with fails_with("ref_not_found"):
        resolve(repository.url, "topic")


def test_a_branch_may_make_way_for_branches_below_its_name(repository, cache, destination):
    repository.git("branch", "topic")
    checkout(cache, repository.url, resolve(repository.url, "topic"), destination)
    repository.git("branch", "--delete", "topic")
    repository.git("checkout", "--quiet", "-b", "topic/sub")
    sha = repository.commit({"site.yml": "two"})

    assert resolve(repository.url, "topic/sub") == sha
    assert written(cache, repository, sha, destination) == "two"


def test_an_unknown_commit_is_said_to_be_unknown(repository, cache, destination):
    with fails_with("ref_not_found"):
        checkout(cache, repository.url, "0123456789" * 4, destination)


def test_an_old_server_gives_what_its_branches_lead_to(
    repository, cache, destination, tmp_path, monkeypatch
):
    old = tmp_path / "gitconfig"
    old.write_text("[protocol]\nversion = 0\n[safe]\ndirectory = *\n")
    monkeypatch.setitem(git_command.ENVIRONMENT, "GIT_CONFIG_GLOBAL", str(old))
    first = repository.git("rev-parse", "HEAD")
    repository.commit({"site.yml": "two"})

    assert written(cache, repository, first, destination) == "one"
    with fails_with("ref_not_found"):
        checkout(cache, repository.url, "0123456789" * 4, destination)


def test_a_repository_may_use_sha256(cache, destination, tmp_path):
    repository = make_repository(tmp_path / "new", {"site.yml": "new"}, object_format="sha256")
    sha = resolve(repository.url, "main")

    assert len(sha) == 64
    assert written(cache, repository, sha, destination) == "new"


def test_a_commit_is_meant_not_a_tree(repository, cache, destination):
    with fails_with("bad_ref"):
        checkout(cache, repository.url, repository.git("rev-parse", "HEAD^{tree}"), destination)


def test_half_a_sha_is_refused(repository, cache, destination):
    with fails_with("bad_ref"):
        checkout(cache, repository.url, repository.git("rev-parse", "--short", "HEAD"), destination)


def test_whatever_lies_at_the_destination_is_replaced(repository, cache, destination, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    destination.mkdir(parents=True)
    (destination / "site.yml").mkdir()
    (destination / "junk").touch()
    (destination / "link").symlink_to(elsewhere)
    sha = resolve(repository.url, "main")

    assert written(cache, repository, sha, destination) == "one"
    assert sorted(os.listdir(destination)) == ["roles", "site.yml"]
    assert (elsewhere / "kept").exists()


def test_a_repository_of_another_user_can_be_used(repository, cache, destination):
    needs_root()
    for directory, _, files in os.walk(repository.path):
        for path in (directory, *(os.path.join(directory, name) for name in files)):
            os.chown(path, 65534, 65534)

    assert written(cache, repository, resolve(repository.url, "main"), destination) == "one"


def test_an_url_is_never_answered_from_the_store_of_another(repository, cache, destination):
    checkout(cache, repository.url, resolve(repository.url, "main"), destination)
    other = make_repository(repository.path.parent / "other", {"site.yml": "other"})

    with fails_with("ref_not_found"):
        checkout(cache, other.url, resolve(repository.url, "main"), destination)


def test_git_variables_from_outside_are_forgotten():
    environ = {"GIT_DIR": "/x", "GIT_SSH_COMMAND": "evil", "GIT_SSL_CAINFO": "/ca", "HOME": "/"}

    forget_strays(environ)

    assert environ == {"GIT_SSL_CAINFO": "/ca", "HOME": "/"}


def test_eight_runs_at_eight_commits_do_not_disturb_each_other(repository, cache, tmp_path):
    wanted = {repository.commit({"site.yml": str(number)}): str(number) for number in range(8)}

    with ThreadPoolExecutor(8) as runs:
        got = runs.map(lambda sha: written(cache, repository, sha, tmp_path / "runs" / sha), wanted)

    assert list(got) == list(wanted.values())


def test_many_runs_of_one_commit_fetch_it_once(repository, cache, store, tmp_path):
    sha = resolve(repository.url, "main")

    with ThreadPoolExecutor(8) as runs:
        places = (tmp_path / "runs" / str(number) for number in range(16))
        got = runs.map(lambda place: written(cache, repository, sha, place), places)

    assert list(got) == ["one"] * 16
    assert len(list(store.path.glob("objects/pack/*.pack"))) == 1
