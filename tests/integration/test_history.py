"""What lies between two commits, of real repositories."""

import os

import pytest

from runner.difference import COMMITS, FILES, File
from runner.errors import CheckoutFailed
from runner.git_store import Store
from runner.history import compare
from tests.repositories import make_repository


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": "- hosts: all\n"})


@pytest.fixture
def difference(tmp_path, repository):
    return lambda then, now: compare(Store(tmp_path / "git", repository.url, ("file",)), then, now)


def test_the_same_commit_needs_no_comparison(repository, difference):
    sha = repository.git("rev-parse", "HEAD")

    same = difference(sha, sha)

    assert (same.relation, same.base, same.commits, same.files) == ("same", None, [], [])


def test_a_branch_that_went_two_ways_has_both_sides(repository, difference):
    base = repository.git("rev-parse", "HEAD")
    then = repository.commit({"then.yml": "2\n"})
    repository.git("reset", "--hard", "--quiet", base)
    now = repository.commit({"now.yml": "1\n"})

    diverged = difference(then, now)

    assert (diverged.relation, diverged.base) == ("diverged", base)
    assert [commit.sha for commit in diverged.commits] == [now]
    assert [commit.sha for commit in diverged.dropped] == [then]
    assert [(file.path, file.status) for file in diverged.files] == [
        ("now.yml", "added"),
        ("then.yml", "deleted"),
    ]


def test_a_merge_brings_the_commits_of_its_branch(repository, difference):
    then = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "topic")
    topic = repository.commit({"topic.yml": "1\n"})
    repository.git("checkout", "--quiet", "main")
    main = repository.commit({"main.yml": "1\n"})
    repository.git("merge", "--quiet", "--no-ff", "--message", "Merge it", "topic")
    merge = repository.git("rev-parse", "HEAD")

    ahead = difference(then, merge)

    assert ahead.relation == "ahead"
    assert {commit.sha for commit in ahead.commits} == {merge, topic, main}
    assert [file.path for file in ahead.files] == ["main.yml", "topic.yml"]


def test_files_have_what_became_of_them(repository, difference):
    text = "".join(f"line {number}\n" for number in range(50))
    then = repository.commit({"old name.yml": text, "gone": "x\n", "plain": "1\n"})
    (repository.path / "old name.yml").rename(repository.path / "new\tname.yml")
    (repository.path / "gone").unlink()
    (repository.path / "plain").unlink()
    (repository.path / "plain").symlink_to("site.yml")
    now = repository.commit({"site.yml": "- hosts: web\n"})

    assert difference(then, now).files == [
        File("gone", "deleted", None),
        File("new\tname.yml", "renamed", "old name.yml"),
        File("plain", "retyped", None),
        File("site.yml", "modified", None),
    ]


def test_what_is_no_utf_8_is_shown_all_the_same(repository, difference):
    then = repository.git("rev-parse", "HEAD")
    (repository.path / os.fsdecode(b"caf\xe9")).write_text("1\n")
    now = repository.commit_all()

    assert difference(then, now).files == [File("caf\N{REPLACEMENT CHARACTER}", "added", None)]


def test_a_subject_and_an_author_come_as_they_are(repository, difference):
    then = repository.git("rev-parse", "HEAD")
    repository.git(
        "commit", "--allow-empty", "--quiet", "--author", "Zoë <z@example.org>",
        "--date", "2026-01-02T03:04:05+01:00", "--message", "Say: «%x00 %H» {{ 1 }}\n\nMore.",
    )  # fmt: skip

    (commit,) = difference(then, repository.git("rev-parse", "HEAD")).commits

    assert (commit.author, commit.subject) == ("Zoë", "Say: «%x00 %H» {{ 1 }}")
    assert commit.at == "2026-01-02T03:04:05+01:00"


def test_long_lists_are_cut_and_say_so(repository, difference):
    then = repository.git("rev-parse", "HEAD")
    for number in range(COMMITS + 1):
        repository.git("commit", "--allow-empty", "--quiet", "--message", f"Number {number}")
    now = repository.commit({f"file{number:04}": "1\n" for number in range(FILES + 1)})

    long = difference(then, now)

    assert (len(long.commits), long.commits_cut, long.dropped_cut) == (COMMITS, True, False)
    assert (len(long.files), long.files_cut) == (FILES, True)
    assert long.commits[0].sha == now


def test_nothing_of_the_repository_is_executed(repository, difference, tmp_path):
    touched = tmp_path / "touched"
    program = f"touch {touched}; cat"
    then = repository.commit({".gitattributes": "* diff=evil filter=evil\n", "a": "1\n"})
    for name in ("diff.evil.textconv", "diff.evil.command", "filter.evil.smudge", "core.pager"):
        repository.git("config", name, program)
    (repository.path / ".git" / "hooks" / "post-update").write_text(f"#!/bin/sh\n{program}\n")
    now = repository.commit({"a": "2\n", ".gitconfig": f"[core]\n\tpager = {program}\n"})
    touched.unlink(missing_ok=True)

    assert [file.path for file in difference(then, now).files] == [".gitconfig", "a"]
    assert not touched.exists()


def test_a_commit_that_is_nowhere_any_more_has_its_reason(repository, difference):
    now = repository.git("rev-parse", "HEAD")

    with pytest.raises(CheckoutFailed, check=lambda error: error.code == "ref_not_found"):
        difference("1" * 40, now)


def test_a_broken_store_is_mended(repository, difference, tmp_path):
    then = repository.git("rev-parse", "HEAD")
    now = repository.commit({"more.yml": "1\n"})
    before = difference(then, now)
    (store,) = (tmp_path / "git").glob("*/store.git")
    for file in (store / "objects").rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"")

    assert difference(then, now) == before


def test_commits_that_are_here_need_no_remote(repository, difference):
    then = repository.git("rev-parse", "HEAD")
    now = repository.commit({"more.yml": "1\n"})
    before = difference(then, now)

    repository.path.rename(repository.path.with_name("away"))

    assert difference(then, now) == before
