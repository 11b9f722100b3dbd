"""What a URL and a ref stand for, and which of them never reach git."""

import pytest

from runner.checkout import resolve
from runner.errors import CheckoutFailed
from runner.git import redact
from tests.checkouts import fails_with
from tests.repositories import Repository


def test_a_branch_a_tag_and_a_commit_lead_to_a_commit(repository):
    sha = repository.git("rev-parse", "HEAD")
    repository.git("tag", "light")
    repository.git("tag", "--annotate", "--message", "It has a message", "annotated")

    for ref in ("main", "light", "annotated", "HEAD", "refs/heads/main", "refs/tags/annotated"):
        assert resolve(repository.url, ref) == sha
    assert resolve(repository.url, sha) == sha


def test_a_branch_wins_over_a_tag_of_the_same_name(repository):
    tagged = repository.git("rev-parse", "HEAD")
    repository.git("tag", "both")
    branched = repository.commit({"site.yml": "two"})
    repository.git("branch", "both")

    assert resolve(repository.url, "both") == branched
    assert resolve(repository.url, "refs/tags/both") == tagged


def test_the_tail_of_a_name_is_not_the_name(repository):
    repository.git("branch", "feature/fix")

    with fails_with("ref_not_found"):
        resolve(repository.url, "fix")


@pytest.mark.parametrize(
    "ref",
    [
        "-x",
        "--upload-pack=touch /tmp/x",
        "a..b",
        "a b",
        "x.lock",
        "*",
        "/main",
        "main/",
        "a\nb",
        "a\0b",
        "\ud800",
        "",
        "abc1234^",
        "r" * 256,
    ],
)
def test_what_is_no_name_of_a_ref_never_reaches_git(ref, repository):
    with fails_with("bad_ref"):
        resolve(repository.url, ref)


@pytest.mark.parametrize("ref", ["47c9276", "deadbeef", "a" * 39])
def test_a_part_of_a_commit_says_that_it_is_one(ref, repository):
    with pytest.raises(CheckoutFailed, match="a commit needs all its 40 digits"):
        resolve(repository.url, ref)


@pytest.mark.parametrize("ref", ["HEAD", "main", "47c9276"])
def test_a_repository_without_commits_says_so(ref, tmp_path):
    empty = Repository(tmp_path)
    empty.git("init", "--quiet", "--bare")

    with pytest.raises(CheckoutFailed, match="it has no commits") as caught:
        resolve(empty.url, ref)

    assert caught.value.code == "ref_not_found"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("--upload-pack=touch /tmp/x", "url_not_allowed"),
        ("ext::sh -c 'touch /tmp/x'", "url_not_allowed"),
        ("http://127.0.0.1:1/a.git", "url_not_allowed"),  # passwords and code in the clear
        ("git://127.0.0.1:1/a.git", "url_not_allowed"),
        ("ssh://-oProxyCommand=touch/x", "url_not_allowed"),
        ("-oProxyCommand=touch:x", "url_not_allowed"),
        ("file:///a\n/b", "url_not_allowed"),
        ("", "url_not_allowed"),
        ("nothing://at/all", "url_not_allowed"),
        ("file:///nowhere", "repo_not_found"),
        ("https://127.0.0.1:1/a.git", "remote_unavailable"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url, code):
    with fails_with(code):
        resolve(url, "main")


def test_a_password_in_a_url_is_never_told():
    with pytest.raises(CheckoutFailed) as caught:
        resolve("https://ada:hunter2@127.0.0.1:1/a.git", "main")

    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1/a.git" in str(caught.value)
    assert (
        redact("https://token@host/a https://a:b@host/b") == "https://***@host/a https://***@host/b"
    )
