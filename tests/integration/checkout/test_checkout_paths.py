"""Which paths lead to a place inside a tree."""

import pytest

from runner.checkout import Tree, inside
from runner.errors import CheckoutFailed
from tests.checkouts import fails_with


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "hosts").mkdir(parents=True)
    (root / "site.yml").touch()
    (root / "alias.yml").symlink_to("site.yml")
    (root / "passwd").symlink_to("/etc/passwd")
    (root / "up").symlink_to("..")
    (tmp_path / "outside.yml").touch()
    return Tree(root, "https://ada:hunter2@example.org/a.git", "abc1234" + "0" * 33)


@pytest.mark.parametrize(
    ("relative", "kind", "code"),
    [
        ("", "file", "bad_path"),
        ("/etc/passwd", "file", "bad_path"),
        ("../outside.yml", "file", "bad_path"),
        ("hosts/../../outside.yml", "file", "bad_path"),
        ("passwd", "file", "bad_path"),  # a symlink out of the tree
        ("up/outside.yml", "file", "bad_path"),  # a directory that is one
        ("up/../passwd", "file", "bad_path"),
        ("a\0b", "file", "bad_path"),
        ("nowhere.yml", "file", "path_not_found"),
        ("hosts", "file", "path_not_found"),  # a playbook is a file
        ("nowhere", "any", "path_not_found"),
    ],
)
def test_a_path_that_is_not_in_the_tree_is_refused(relative, kind, code, tree):
    with fails_with(code):
        inside(tree, relative, kind)


@pytest.mark.parametrize(
    ("relative", "kind", "found"),
    [
        ("site.yml", "file", "site.yml"),
        ("hosts/../site.yml", "file", "site.yml"),
        ("hosts", "any", "hosts"),  # an inventory may be a directory
        ("alias.yml", "file", "alias.yml"),  # roles are looked for beside the name, not its target
    ],
)
def test_a_path_in_the_tree_is_found(relative, kind, found, tree):
    assert inside(tree, relative, kind) == tree.root / found


def test_a_missing_path_is_told_with_its_repository_and_commit(tree):
    with pytest.raises(CheckoutFailed) as caught:
        inside(tree, "nowhere.yml")

    assert str(caught.value) == "no 'nowhere.yml' in https://***@example.org/a.git at abc1234"
