"""A tree with pointers of Git LFS in it is refused; others cost nothing."""

import os

import pytest

from runner import git_lfs
from runner.checkout import checkout
from tests.checkouts import fails_with, written

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


def test_a_tree_with_pointers_is_refused_and_they_are_named(repository, cache, destination):
    files = {f"files/{number}.bin": POINTER for number in range(7)}
    sha = repository.commit({".gitattributes": ATTRIBUTES, **files})

    with fails_with("lfs_missing", "'files/0.bin', 'files/1.bin'") as caught:
        checkout(cache, repository.url, sha, destination)

    assert "'files/4.bin' and 2 more, and Curtain does not fetch it" in str(caught.value)
    assert not destination.exists()
    assert os.listdir(destination.parent) == []


@pytest.mark.parametrize(
    ("place", "attributes", "pointer"),
    [
        (".gitattributes", "[attr]big filter=lfs -text\nfiles/** big\n", "files/a"),  # a macro
        ("files/.gitattributes", "/deep/*.iso filter=lfs\n", "files/deep/a.iso"),  # in a directory
        (".gitattributes", "* filter=lfs\n", "é\n.iso"),  # odd names
    ],
)
def test_pointers_are_found_wherever_attributes_are(
    place, attributes, pointer, repository, cache, destination
):
    sha = repository.commit({place: attributes, pointer: POINTER})

    with fails_with("lfs_missing", repr(pointer)):
        checkout(cache, repository.url, sha, destination)


@pytest.mark.parametrize(
    "files",
    [
        {".gitattributes": ATTRIBUTES},  # no such file
        {".gitattributes": ATTRIBUTES, "a.bin": "the file itself, added without git-lfs"},
        {".gitattributes": ATTRIBUTES, "a.bin": POINTER + "#" * 1024},  # too long for a pointer
        {".gitattributes": ATTRIBUTES, "docs/pointer.txt": POINTER},  # not one by its attributes
        {".gitattributes": "*.yml text\n", "a.bin": POINTER},
        {"a.bin": POINTER},
    ],
)
def test_a_tree_without_pointers_is_played(files, repository, cache, destination):
    sha = repository.commit(files)

    assert written(cache, repository, sha, destination) == "one"


def test_without_attributes_git_is_not_asked(repository, cache, destination, monkeypatch):
    monkeypatch.setattr(git_lfs, "git", lambda *_, **__: pytest.fail("git was asked"))

    assert written(cache, repository, repository.git("rev-parse", "HEAD"), destination) == "one"


def test_a_link_in_the_place_of_a_pointer_is_not_followed(repository, cache, destination, tmp_path):
    (tmp_path / "outside").write_text(POINTER)
    repository.commit({".gitattributes": ATTRIBUTES})
    (repository.path / "a.bin").symlink_to(tmp_path / "outside")

    assert written(cache, repository, repository.commit_all(), destination) == "one"
