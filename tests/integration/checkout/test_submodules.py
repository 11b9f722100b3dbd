"""Submodules: each at the very commit that the tree names, in its own place and nowhere else."""

import os
import shutil

import pytest

from runner import submodules
from runner.checkout import checkout
from runner.submodules import Nest, is_empty_directory
from tests.checkouts import fails_with, names_in
from tests.repositories import add_submodule, make_repository

PROTOCOLS = ("https",)
TOKEN = {"name": "forge", "kind": "git_https", "username": "ada", "password": "token"}


@pytest.fixture
def role(tmp_path):
    return make_repository(tmp_path / "role", {"tasks/main.yml": "one"})


@pytest.fixture
def witness(tmp_path):
    """Stands for harm: nobody may write this file."""
    yield tmp_path / "witness"
    assert not (tmp_path / "witness").exists()


def filled(cache, repository, sha, destination, protocols=("file",)):
    tree = checkout(cache, repository.url, sha, destination, protocols)
    Nest(cache, tree, protocols).fill()
    return tree.root


def newest(repository):
    return repository.git("rev-parse", "HEAD")


def test_a_submodule_is_at_the_commit_that_the_tree_names(repository, role, cache, destination):
    named = newest(role)
    sha = add_submodule(repository, "roles/nginx", role.url, named)
    role.commit({"tasks/main.yml": "two"})

    root = filled(cache, repository, sha, destination)

    assert (root / "roles/nginx/tasks/main.yml").read_text() == "one"
    assert not [name for name in names_in(root) if name.endswith(".git")]
    assert sorted(os.listdir(destination.parent)) == ["project"]


def test_submodules_have_submodules(repository, role, cache, destination, tmp_path):
    deepest = make_repository(tmp_path / "filters", {"plugin.py": "x"})
    middle = add_submodule(role, "filter_plugins", "../filters", newest(deepest))
    sha = add_submodule(repository, "roles/nginx", "../role", middle)

    root = filled(cache, repository, sha, destination)

    assert (root / "roles/nginx/filter_plugins/plugin.py").read_text() == "x"


def test_submodules_that_are_here_need_no_remote(repository, role, cache, destination):
    sha = add_submodule(repository, "roles/nginx", "../role", newest(role))
    filled(cache, repository, sha, destination)
    shutil.rmtree(role.path)
    shutil.rmtree(repository.path)

    root = filled(cache, repository, sha, destination)

    assert (root / "roles/nginx/tasks/main.yml").exists()


def test_the_broken_store_of_a_submodule_is_mended(repository, role, cache, destination):
    sha = add_submodule(repository, "roles/nginx", "../role", newest(role))
    filled(cache, repository, sha, destination)
    for home in cache.iterdir():
        (home / "store.git" / "HEAD").write_text("")

    root = filled(cache, repository, sha, destination)

    assert (root / "roles/nginx/tasks/main.yml").exists()


def test_without_a_wish_for_them_submodules_stay_empty(repository, role, cache, destination):
    sha = add_submodule(repository, "roles/nginx", "../role", newest(role))

    root = checkout(cache, repository.url, sha, destination).root

    assert list((root / "roles/nginx").iterdir()) == []


def test_a_tree_without_submodules_is_as_it_is(repository, cache, destination):
    root = filled(cache, repository, newest(repository), destination)

    assert names_in(root) == {"site.yml", "roles", "roles/a", "roles/a/b.yml"}


def test_a_submodule_that_is_not_to_be_checked_out_is_left(repository, cache, destination):
    sha = add_submodule(repository, "docs", "../nowhere\n\tupdate = none", "1" * 40)

    root = filled(cache, repository, sha, destination)

    assert list((root / "docs").iterdir()) == []


def test_what_is_wrong_with_a_submodule_is_told_with_its_place(
    repository, role, cache, destination
):
    middle = add_submodule(role, "files", "../nowhere", "1" * 40)
    sha = add_submodule(repository, "roles/nginx", "../role", middle)

    with fails_with("repo_not_found", "submodule 'roles/nginx': submodule 'files': file:///"):
        filled(cache, repository, sha, destination)


def test_a_submodules_own_command_is_not_executed(repository, role, cache, destination, witness):
    sha = add_submodule(
        repository, "roles/nginx", f"../role\n\tupdate = !touch {witness}", newest(role)
    )

    filled(cache, repository, sha, destination)


# Credentials.


def opened_by(token, cache, url, sha, destination):
    tree = checkout(cache, url, sha, destination, PROTOCOLS, token)
    Nest(cache, tree, PROTOCOLS, token).fill()
    return tree.root


def test_the_credential_of_a_tree_opens_its_submodules_on_that_server(
    repository, role, cache, destination, serve_https, access
):
    server, token = serve_https({"ada": "token"}), access(TOKEN)
    sha = add_submodule(repository, "roles/nginx", "../role", newest(role))

    root = opened_by(token, cache, server.url(), sha, destination)

    assert (root / "roles/nginx/tasks/main.yml").read_text() == "one"
    assert server.credentials == {"ada:token"}
    assert not list(token.directory.iterdir())


def test_a_credential_is_shown_to_no_other_server_that_a_tree_names(
    repository, role, cache, destination, serve_https, access
):
    server, token = serve_https({"ada": "token"}), access(TOKEN)
    thief = serve_https({"ada": "token"})
    sha = add_submodule(repository, "roles/nginx", thief.url("role"), newest(role))

    with fails_with("auth_failed", "submodule 'roles/nginx': https://") as caught:
        opened_by(token, cache, server.url(), sha, destination)

    assert str(caught.value).endswith(f"credential 'forge' is for https://{server.host} only")
    assert thief.asked
    assert thief.credentials == set()


# Trees that no git would make: two entries of one name, written by hand.


def commit_of(repository, *entries):
    """Commit a tree of these lines of `git mktree`, with a .gitmodules that names a and a/b."""
    text = "".join(
        f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../role\n' for path in ("a", "a/b")
    )
    blob = repository.git("hash-object", "-w", "--stdin", text=text)
    lines = [*entries, f"100644 blob {blob}\t.gitmodules"]
    tree = repository.git("mktree", "--missing", text="\n".join(lines) + "\n")
    return repository.git("commit-tree", "-m", "By hand", tree)


def test_a_symlink_of_a_submodules_name_does_not_lead_it_out(
    repository, role, cache, destination, tmp_path
):
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    link = repository.git("hash-object", "-w", "--stdin", text=str(outside))
    below = repository.git("mktree", "--missing", text=f"160000 commit {newest(role)}\tb\n")
    sha = commit_of(repository, f"120000 blob {link}\ta", f"040000 tree {below}\ta")

    root = filled(cache, repository, sha, destination)

    assert (root / "a/b/tasks/main.yml").exists()  # git takes the later one
    assert list((outside / "b").iterdir()) == []


def test_a_place_behind_a_symlink_or_with_something_in_it_is_taken(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for directory in (root / "empty", root / "full", outside / "empty"):
        directory.mkdir(parents=True)
    (root / "full" / "file").touch()
    (root / "link").symlink_to(outside)

    assert is_empty_directory(root / "empty", below=root)
    for name in ("full", "link/empty", "link", "nowhere", "full/file"):
        assert not is_empty_directory(root / name, below=root), name


@pytest.mark.parametrize("name", [".git", ".GIT", "..", ".", "git~1"])
def test_a_submodule_in_the_place_of_gits_own_files_is_refused(
    name, repository, role, cache, destination
):
    below = repository.git("mktree", "--missing", text=f"160000 commit {newest(role)}\t{name}\n")
    sha = commit_of(repository, f"040000 tree {below}\ta")

    with fails_with("bad_tree"):
        filled(cache, repository, sha, destination)


def test_a_link_in_a_submodule_does_not_lead_the_next_one_out(
    repository, role, cache, destination, tmp_path
):
    """A submodule at a, with a link b in it, and another one at a/b."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (role.path / "b").symlink_to(outside)
    linking = role.commit_all()
    below = repository.git("mktree", "--missing", text=f"160000 commit {newest(role)}\tb\n")
    sha = commit_of(repository, f"160000 commit {linking}\ta", f"040000 tree {below}\ta")

    with fails_with("bad_submodule", "is taken"):
        filled(cache, repository, sha, destination)

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_beside_a_submodule_is_not_its_index(
    kind, repository, role, cache, destination, tmp_path
):
    """Where a tree is written decides where its private index is: never in another tree."""
    outside = tmp_path / "outside"
    beside = repository.path / "nginx.index"
    if kind == "link":
        beside.symlink_to(outside)
    else:
        beside.write_text("kept")
    sha = add_submodule(repository, "nginx", "../role", newest(role))

    root = filled(cache, repository, sha, destination)

    assert not outside.exists()
    assert os.path.lexists(root / "nginx.index")


# Limits.


def test_submodules_are_nested_so_deep_and_no_deeper(cache, destination, tmp_path, repository):
    sha, below = newest(repository), repository
    for depth in range(submodules.DEEPEST):
        above = make_repository(tmp_path / f"level{depth}")
        sha, below = add_submodule(above, "next", f"../{below.path.name}", sha), above

    root = filled(cache, below, sha, destination)
    assert (root / "/".join(["next"] * submodules.DEEPEST) / "site.yml").exists()

    above = make_repository(tmp_path / "one-too-many")
    sha = add_submodule(above, "next", f"../{below.path.name}", sha)
    with fails_with("bad_submodule", "more than 5 deep"):
        filled(cache, above, sha, destination)


def test_submodules_are_so_many_and_no_more(repository, role, cache, destination):
    for name in ("a1", "a2", "a3"):
        sha = add_submodule(repository, name, "../role", newest(role))
    tree = checkout(cache, repository.url, sha, destination)

    Nest(cache, tree, ("file",), left=3).fill()
    tree = checkout(cache, repository.url, sha, destination)
    with fails_with("bad_submodule", "more than 500"):
        Nest(cache, tree, ("file",), left=2).fill()
