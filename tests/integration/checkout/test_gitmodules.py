"""Where a commit's submodules may come from, and what is refused before git hears of it."""

import pytest

from runner.checkout import Tree, checkout
from runner.gitmodules import find
from tests.checkouts import fails_with
from tests.repositories import add_submodule

SHA = "1" * 40
PROTOCOLS = ("https", "ssh", "file")
PARENT = "https://git.example/ops/site.git"


@pytest.fixture
def found(repository, cache, store, destination):
    """Find the submodules of a commit as if it had come from another URL."""

    def find_in(sha, parent=PARENT, protocols=PROTOCOLS):
        checkout(cache, repository.url, sha, destination)
        return find(store.path, Tree(destination, parent, sha), protocols)

    return find_in


@pytest.mark.parametrize(
    ("parent", "given", "url"),
    [
        (PARENT, "../roles/nginx.git", "https://git.example/ops/roles/nginx.git"),
        (PARENT, "./nginx.git", "https://git.example/ops/site.git/nginx.git"),
        (PARENT, "../../other/nginx", "https://git.example/other/nginx"),
        (f"{PARENT}/", "../nginx.git", "https://git.example/ops/nginx.git"),
        (PARENT, "https://else.example:8443/a.git", "https://else.example:8443/a.git"),
        (PARENT, "https://ada@git.example/a.git", "https://git.example/a.git"),  # as Bitbucket's
        (PARENT, "git@git.example:ops/a.git", "git@git.example:ops/a.git"),
        (PARENT, "ssh://git@git.example:2222/a", "ssh://git@git.example:2222/a"),
        ("ssh://git@git.example:2222/ops/site", "../a", "ssh://git@git.example:2222/ops/a"),
        ("git@git.example:ops/site.git", "../a.git", "git@git.example:ops/a.git"),
        ("file:///srv/git/site.git", "../a.git", "file:///srv/git/a.git"),
        ("file:///srv/git/site.git", "file:///srv/a.git", "file:///srv/a.git"),
    ],
)
def test_a_submodule_comes_from_where_its_url_leads(parent, given, url, repository, found):
    sha = add_submodule(repository, "roles/nginx", given, SHA)

    assert [(each.path, each.url, each.sha) for each in found(sha, parent)] == [
        ("roles/nginx", url, SHA)
    ]


URLS = [
    ("-u./payload", "no URL"),
    ("--upload-pack=./payload", "no URL"),
    ("ext::sh -c touch% x", "no URL"),
    ("file:///srv/git/other", "from elsewhere"),  # though file is allowed
    ("/srv/git/other", "no URL"),
    ("srv/git/other", "no URL"),
    ("~/other", "no URL"),
    ("./../../../../..", "out of its host"),
    ("../../..", "out of its host"),
    ("http://git.example/a.git", "http is not allowed"),
    ("git://git.example/a.git", "git is not allowed"),
    ("https://ada:hunter2@git.example/a.git", "holds a password"),
    ("ssh://-oProxyCommand=touch%20x/a", "strange host"),
    ("ssh://-oProxyCommand=touch@git.example/a", "strange user"),
    ("-oProxyCommand=touch@git.example:a", "no URL"),
    ("https://git.example\ra.git", "no URL"),
    ('"https://git.example/a\\nb.git"', "no URL"),
    ("https:///a.git", "strange host"),
    ('""', "no URL"),
]


@pytest.mark.parametrize(("given", "words"), URLS, ids=[given for given, _ in URLS])
def test_a_url_that_no_submodule_may_have_is_refused(given, words, repository, found):
    sha = add_submodule(repository, "roles/nginx", given, SHA)

    with fails_with("bad_submodule", words) as caught:
        found(sha)

    assert "hunter2" not in str(caught.value)


def test_a_relative_url_stays_on_its_host_in_short_ssh_too(repository, found):
    sha = add_submodule(repository, "roles/nginx", "../../../a", SHA)

    with fails_with("bad_submodule", "out of its host"):
        found(sha, "git@git.example:ops/site.git")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no .gitmodules"),
        ("", "no URL for 'role'"),
        ('[submodule "a"]\npath = role\n', "no URL for 'role'"),
        ('[submodule "a"]\npath = role\nurl', "no URL for 'role'"),  # no value at all
        ('[submodule "a"]\npath = role\r\nurl = https://h/a\r\n', None),  # a file of Windows
        ('[submodule "a"]\npath = "role\r"\nurl = https://h/a\n', "no URL for 'role'"),
        (
            '[submodule "a"]\npath = role\nurl = https://h/a\nurl = https://h/b\n',
            "url of 'a' twice",
        ),
        (
            '[submodule "a"]\npath = role\nurl = https://h/a\n'
            '[submodule "b"]\npath = role\nurl = https://h/b\n',
            "names 'role' twice",
        ),
        ("[submodule", "bad config line"),
        ("#" * 1_000_001, "more than 1000000 bytes"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_gitmodules_that_is_not_clear_is_refused(text, words, repository, found):
    add_submodule(repository, "role", "https://git.example/a", SHA)
    if text is None:
        (repository.path / ".gitmodules").unlink()
    else:
        (repository.path / ".gitmodules").write_bytes(text.encode())
    sha = repository.commit_all()

    if words is None:
        assert len(found(sha)) == 1
    else:
        with fails_with("bad_submodule", words):
            found(sha)


def test_no_file_of_this_machine_is_read_for_a_gitmodules(repository, found, tmp_path):
    (tmp_path / "secret").write_text('[submodule "a"]\npath = role\nurl = https://secret/a\n')
    add_submodule(repository, "role", "https://git.example/a", SHA)
    gitmodules = repository.path / ".gitmodules"
    gitmodules.write_text(f"[include]\npath = {tmp_path}/secret\n")

    with fails_with("bad_submodule", "no URL"):
        found(repository.commit_all())


def test_a_link_in_the_place_of_gitmodules_is_refused(repository, found, tmp_path):
    add_submodule(repository, "role", "https://git.example/a", SHA)
    (repository.path / ".gitmodules").unlink()
    (repository.path / ".gitmodules").symlink_to(tmp_path / "secret")

    with fails_with("bad_tree"):
        found(repository.commit_all())


def test_the_protocols_of_submodules_are_those_of_templates(repository, found):
    sha = add_submodule(repository, "role", "git@git.example:ops/a.git", SHA)

    with fails_with("bad_submodule", "ssh is not allowed"):
        found(sha, protocols=("https",))
