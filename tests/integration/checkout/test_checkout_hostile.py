"""Repositories that want to do harm: what they carry is refused, or is a file like any other."""

import os
from pathlib import Path

import pytest

from runner.checkout import Tree, checkout, inside, resolve
from tests.checkouts import fails_with, names_in, written
from tests.repositories import add_submodule


@pytest.fixture(autouse=True)
def witness(tmp_path):
    """Stands for harm: nobody may write this file."""
    yield tmp_path / "witness"
    assert not (tmp_path / "witness").exists()


def payload(path, witness):
    """Write a program that would be seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch '{witness}'\ncat\n")
    path.chmod(0o755)


def head(repository):
    return repository.git("rev-parse", "HEAD")


HOOKS = ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "update")


@pytest.mark.parametrize("place", [".githooks", "hooks", ".git-hooks", "store.git/hooks"])
def test_hooks_in_a_tree_are_files(place, repository, cache, destination, witness):
    for name in HOOKS:
        payload(repository.path / place / name, witness)
    (repository.path / "config").write_text(f"[core]\nhooksPath = {place}\n")
    (repository.path / ".gitconfig").write_text(f"[core]\nhooksPath = {place}\n")

    assert written(cache, repository, repository.commit_all(), destination) == "one"
    assert (destination / place / "post-checkout").exists()


def test_filters_of_a_repository_are_not_executed(repository, cache, destination, witness):
    payload(repository.path / "run.sh", witness)
    evil = f'[filter "evil"]\nsmudge = {repository.path}/run.sh\nprocess = ./run.sh\nrequired\n'
    for name in (".gitconfig", "config", ".lfsconfig"):
        (repository.path / name).write_text(evil)
    sha = repository.commit({".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    with (repository.path / ".git/config").open("a") as config:  # of the remote itself
        config.write(evil)

    assert written(cache, repository, sha, destination) == "one"


@pytest.mark.parametrize(
    "setting",
    [
        "[core]\nfsmonitor = {run}\n",
        "[core]\nhooksPath = {hooks}\n",
        "[uploadpack]\npackObjectsHook = {run}\n",
        "[core]\nsshCommand = {run}\ngitProxy = {run}\naskPass = {run}\n",
        "[credential]\nhelper = !{run}\n",
        "[include]\npath = {evil}\n",
    ],
)
def test_the_configuration_of_a_remote_is_not_obeyed(
    setting, repository, cache, destination, witness, tmp_path
):
    """A file:// remote is read by a git of this machine, as this user."""
    run = tmp_path / "run.sh"
    payload(run, witness)
    for name in HOOKS:
        payload(tmp_path / "hooks" / name, witness)
        payload(repository.path / ".git/hooks" / name, witness)
    (tmp_path / "evil").write_text(f"[core]\nfsmonitor = {run}\n")
    words = {"run": run, "hooks": tmp_path / "hooks", "evil": tmp_path / "evil"}
    sha = head(repository)
    with (repository.path / ".git/config").open("a") as config:
        config.write(setting.format(**words))

    assert resolve(repository.url, "main") == sha
    assert written(cache, repository, sha, destination) == "one"


def test_a_bare_repository_in_a_tree_is_a_directory(repository, cache, destination, witness):
    bare = repository.path / "roles"
    payload(repository.path / "run.sh", witness)
    (bare / "objects").mkdir()
    (bare / "refs").mkdir()
    (bare / "refs/keep").touch()
    (bare / "objects/keep").touch()
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    (bare / "config").write_text(
        f"[core]\nbare = true\nworktree = .\nfsmonitor = {repository.path}/run.sh\n"
    )

    assert written(cache, repository, repository.commit_all(), destination) == "one"
    assert (destination / "roles/HEAD").exists()


@pytest.mark.parametrize(
    "branch",
    [
        "--upload-pack=touch${IFS}{witness}",
        "-utouch${IFS}{witness}",
        "$(touch${IFS}{witness})",
        "`touch${IFS}{witness}`;touch",
        "{{lookup('pipe','touch')}}",
        "%(if)x%(end)",
        "a'b\"c&d|e>f",
    ],
)
def test_the_name_of_a_branch_is_only_a_name(branch, repository, cache, destination, witness):
    branch = branch.replace("{witness}", str(witness))
    repository.git("update-ref", f"refs/heads/{branch}", head(repository))

    sha = resolve(repository.url, f"refs/heads/{branch}")

    assert sha == head(repository)
    assert written(cache, repository, sha, destination) == "one"
    if branch.startswith("-"):
        with fails_with("bad_ref"):
            resolve(repository.url, branch)
    else:
        assert resolve(repository.url, branch) == sha


def by_hand(repository, *lines):
    """Commit a tree of these lines of `git mktree`: what `git add` would refuse."""
    tree = repository.git("mktree", "--missing", text="\n".join(lines) + "\n")
    return repository.git("commit-tree", "-m", "By hand", tree)


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", ".giT", "git~1"])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_tree_that_leads_out_of_itself_is_refused(name, depth, repository, cache, destination):
    blob = repository.git("hash-object", "-w", "--stdin", text="x")
    below = repository.git("mktree", text=f"100644 blob {blob}\tconfig\n")
    line = f"040000 tree {below}\t{name}"
    for _ in range(depth):
        line = f"040000 tree {repository.git('mktree', text=line + chr(10))}\ta"

    with fails_with("bad_tree", "invalid path"):
        checkout(cache, repository.url, by_hand(repository, line), destination)

    assert not destination.exists()


def test_a_link_and_a_directory_of_one_name_write_nothing_outside(
    repository, cache, destination, tmp_path
):
    outside = tmp_path / "outside"
    outside.mkdir()
    link = repository.git("hash-object", "-w", "--stdin", text=str(outside))
    blob = repository.git("hash-object", "-w", "--stdin", text="x")
    below = repository.git("mktree", text=f"100644 blob {blob}\tfile\n")
    entries = (f"120000 blob {link}\ta", f"040000 tree {below}\ta")

    for lines in (entries, entries[::-1]):
        checkout(cache, repository.url, by_hand(repository, *lines), destination)

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("site-link.yml", "/etc/hostname"),
        ("up.yml", "../../witness.yml"),
        ("proc.yml", "/proc/self/environ"),
    ],
)
def test_links_out_of_a_tree_are_written_as_they_are_and_not_followed(
    link, target, repository, cache, destination, tmp_path
):
    (tmp_path / "witness.yml").write_text("outside")
    (repository.path / link).symlink_to(target)

    tree = checkout(cache, repository.url, repository.commit_all(), destination)

    assert os.readlink(tree.root / link) == target
    with fails_with("bad_path"):
        inside(tree, link)


def test_a_directory_that_is_a_link_out_of_the_tree_is_no_inventory(
    repository, cache, destination, tmp_path
):
    (tmp_path / "hosts").mkdir()
    (repository.path / "inventory").symlink_to(tmp_path / "hosts")

    tree = checkout(cache, repository.url, repository.commit_all(), destination)

    with fails_with("bad_path"):
        inside(tree, "inventory", "any")


def test_hostile_submodules_are_inert_when_nobody_wants_them(
    repository, cache, destination, witness
):
    add_submodule(repository, "a", f"ext::touch {witness}", "1" * 40)
    gitmodules = repository.path / ".gitmodules"
    gitmodules.write_text(gitmodules.read_text() + f"\tupdate = !touch {witness}\n")

    assert written(cache, repository, repository.commit_all(), destination) == "one"
    assert list((destination / "a").iterdir()) == []


def test_replaced_objects_are_not_believed(repository, cache, destination):
    sha = head(repository)
    other = repository.commit({"site.yml": "replaced"})
    repository.git("replace", sha, other)

    assert written(cache, repository, sha, destination) == "one"


def test_names_that_are_hard_to_bear_are_borne(repository, cache, destination):
    names = {"-rf", "{{ x }}.yml", "a\nb", "é", "CON", "a b", "$(x)", "%s", "🜁", "\x1b[31m"}
    sha = repository.commit(dict.fromkeys(names, "x"))

    root = checkout(cache, repository.url, sha, destination).root

    assert names <= names_in(root)
    tree = Tree(root, repository.url, sha)
    assert inside(tree, "{{ x }}.yml") == Path(root) / "{{ x }}.yml"
