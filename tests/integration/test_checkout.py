"""Checkouts of real repositories, many at once, and over what a killed one left behind."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner import git as git_command
from runner import git_store, git_tree
from runner.checkout import Tree, checkout, inside, resolve
from runner.errors import CheckoutFailed
from runner.git import forget_strays, git, redact
from runner.git_store import Store
from tests.repositories import make_repository


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": "one", "roles/a/b.yml": "b"})


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def destination(tmp_path):
    return tmp_path / "run" / "project"


@pytest.fixture
def store(cache, repository):
    return Store(cache, repository.url, ("file",))


def fails_with(code):
    return pytest.raises(CheckoutFailed, check=lambda error: error.code == code)


# Refs.


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


# Trees.


def test_a_tree_holds_the_files_of_its_commit_and_nothing_of_git(repository, cache, destination):
    script = repository.path / "hosts.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (repository.path / "link").symlink_to("site.yml")
    sha = repository.commit_all()

    tree = checkout(cache, repository.url, sha, destination)

    names = {str(path.relative_to(tree.root)) for path in tree.root.rglob("*")}
    assert names == {"site.yml", "link", "hosts.sh", "roles", "roles/a", "roles/a/b.yml"}
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
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
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


# Many at once, and after a death.


def written(cache, repository, sha, destination):
    return (checkout(cache, repository.url, sha, destination).root / "site.yml").read_text()


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


def truncate(store, pattern):
    for path in store.path.glob(pattern):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def plant(*names):
    def damage(store):
        for name in names:
            (store.path / name).parent.mkdir(parents=True, exist_ok=True)
            (store.path / name).touch()

    return damage


def half_a_store(store):
    shutil.rmtree(store.path)
    (store.path / "objects").mkdir(parents=True)


def half_an_init(store):
    (store.home / "tmp-dead" / "refs").mkdir(parents=True)


DAMAGES = [
    pytest.param(plant("shallow.lock", "HEAD.lock", "config.lock"), id="locks"),
    pytest.param(plant("packed-refs.lock", "refs/pins/x.lock"), id="locks of refs"),
    pytest.param(plant("objects/pack/tmp_pack_x", "objects/pack/.tmp-x"), id="half a pack"),
    pytest.param(half_a_store, id="half a store"),
    pytest.param(half_an_init, id="half an init"),
    pytest.param(lambda store: truncate(store, "objects/pack/*.pack"), id="cut pack"),
    pytest.param(lambda store: truncate(store, "objects/pack/*.idx"), id="cut index"),
    pytest.param(lambda store: truncate(store, "config"), id="cut config"),
    pytest.param(lambda store: truncate(store, "HEAD"), id="cut HEAD"),
    pytest.param(
        lambda store: [(p.unlink()) for p in store.path.glob("objects/pack/*")], id="gone"
    ),
    pytest.param(
        lambda store: [path.write_text("") for path in store.path.glob("refs/pins/*")],
        id="refs emptied by a power loss",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_death_leaves_behind_is_mended(damage, repository, cache, store, destination):
    first = resolve(repository.url, "main")
    checkout(cache, repository.url, first, destination)

    damage(store)

    assert written(cache, repository, first, destination) == "one"
    second = repository.commit({"site.yml": "two"})
    assert written(cache, repository, second, destination) == "two"
    assert not list(store.home.glob("tmp-*"))
    for pattern in git_store.LEFTOVERS:
        assert not list(store.path.glob(pattern))


def test_a_store_that_cannot_be_mended_now_is_kept(repository, cache, store, destination):
    sha = resolve(repository.url, "main")
    checkout(cache, repository.url, sha, destination)
    truncate(store, "objects/pack/*.pack")
    shutil.rmtree(repository.path)

    with fails_with("repo_not_found"):
        checkout(cache, repository.url, sha, destination)

    assert store.path.exists()
    assert not destination.exists()


def test_a_git_that_hangs_is_ended_with_its_helpers(tmp_path):
    helper = tmp_path / "bin" / "git-remote-hang"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\necho $$ > $PID_FILE\nexec sleep 3600\n")
    helper.chmod(0o755)
    environment = {
        "PATH": f"{helper.parent}:{os.environ['PATH']}",
        "PID_FILE": str(tmp_path / "pid"),
        "GIT_ALLOW_PROTOCOL": "hang",
    }

    with fails_with("timeout"):
        git("ls-remote", "hang::x", environment=environment, seconds=1)

    assert not is_alive(int((tmp_path / "pid").read_text()))


def is_alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_disk_that_is_full_is_named(repository, cache, destination, monkeypatch):
    sha = resolve(repository.url, "main")
    checkout(cache, repository.url, sha, destination)
    monkeypatch.setattr(git_tree, "is_full", lambda path: True)
    truncate(Store(cache, repository.url, ()), "objects/pack/*.pack")

    with fails_with("disk_full"):
        checkout(cache, repository.url, sha, destination)


# Paths.


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
