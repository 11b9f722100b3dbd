"""The cache stays small: what is old goes, nobody is disturbed, and it is fetched again."""

import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from runner import git_home, git_store, upkeep
from runner.checkout import checkout
from runner.git_lock import lock
from runner.git_store import Store
from tests.checkouts import written
from tests.repositories import make_repository
from tests.waiting import wait_until

HOUR = 3600.0


@pytest.fixture
def stores(cache, tmp_path):
    """Three stores of the cache, the oldest first: last used 3, 2 and 1 hours ago."""
    made = []
    for hours in (3, 2, 1):
        repository = make_repository(tmp_path / f"r{hours}", {"site.yml": str(hours)})
        sha = repository.git("rev-parse", "HEAD")
        checkout(cache, repository.url, sha, tmp_path / "tree")
        made.append(Store(cache, repository.url, ("file",)))
        age(made[-1], hours * HOUR)
    return made


def age(store, seconds):
    used_at = time.time() - seconds
    os.utime(store.home, (used_at, used_at))


def here(stores):
    return [store.path.exists() for store in stores]


def size(cache):
    return sum(kept.size for kept in upkeep.look(cache))


def test_what_was_not_used_for_long_goes(cache, stores):
    assert upkeep.tidy(cache, age=2.5 * HOUR) == [stores[0].home]
    assert here(stores) == [False, True, True]
    assert upkeep.tidy(cache, age=2.5 * HOUR) == []


def test_the_oldest_goes_until_the_rest_is_small_enough(cache, stores):
    total = size(cache)

    upkeep.tidy(cache, most=total - 1)
    assert here(stores) == [False, True, True]

    upkeep.tidy(cache, most=1)
    assert here(stores) == [False, False, False]
    assert size(cache) == 0


def test_a_checkout_is_a_use(cache, repository, store, stores, destination):
    sha = repository.git("rev-parse", "HEAD")
    checkout(cache, repository.url, sha, destination)
    age(store, 4 * HOUR)

    checkout(cache, repository.url, sha, destination)

    upkeep.tidy(cache, age=2.5 * HOUR)
    assert here([store, *stores]) == [True, False, True, True]


def test_what_went_is_fetched_again(cache, repository, destination):
    sha = repository.git("rev-parse", "HEAD")
    checkout(cache, repository.url, sha, destination)
    upkeep.tidy(cache, most=0)

    assert written(cache, repository, sha, destination) == "one"


def test_the_locks_of_what_went_stay(cache, stores):
    """A lock that is removed while somebody waits for it is two locks."""
    before = {path: path.stat().st_ino for path in cache.glob("*/*.lock")}

    upkeep.tidy(cache, most=0)

    assert {path: path.stat().st_ino for path in cache.glob("*/*.lock")} == before
    assert len(before) == 9


@pytest.mark.parametrize(
    "hold",
    [
        lambda home: git_home.use(home),  # a tree is being written
        lambda home: git_home.use(home, fcntl.LOCK_EX),  # it is being replaced
        lambda home: git_home.fetching(home),  # an orphaned git still fetches
    ],
)
def test_who_is_busy_is_left_until_the_next_time(hold, cache, stores):
    with hold(stores[0].home):
        upkeep.tidy(cache, most=0)
    assert here(stores) == [True, False, False]

    upkeep.tidy(cache, most=0)
    assert here(stores) == [False, False, False]


def test_what_is_wanted_at_the_last_moment_stays(cache, stores, monkeypatch):
    def look_and_use(cache, look=upkeep.look):
        found = list(look(cache))
        with stores[0].use():
            return found

    monkeypatch.setattr(upkeep, "look", look_and_use)

    upkeep.tidy(cache, most=0)

    assert here(stores) == [True, False, False]


def test_what_a_death_left_aside_goes_unless_somebody_fetches(cache, stores):
    litter = stores[2].home / "tmp-dead"
    (litter / "objects").mkdir(parents=True)
    (stores[2].home / "tmp-file").touch()

    with git_home.fetching(stores[2].home):
        upkeep.tidy(cache)
        assert litter.exists()
    upkeep.tidy(cache)

    assert not list(stores[2].home.glob("tmp-*"))
    assert here(stores) == [True, True, True]


def test_one_at_a_time_tidies_a_cache(cache, stores):
    with lock(cache / "upkeep.lock"):
        assert upkeep.tidy(cache, most=0) == []

    assert here(stores) == [True, True, True]


def test_what_else_lies_in_the_cache_is_left_alone(cache, stores):
    (cache / "known_hosts").mkdir()
    (cache / "known_hosts" / "a").write_text("git.example ssh-ed25519 …")

    upkeep.tidy(cache, most=0)

    assert (cache / "known_hosts" / "a").exists()


def test_where_there_is_no_cache_there_is_nothing_to_do(cache):
    assert upkeep.tidy(cache, most=0) == []
    assert not cache.exists()


def test_a_cache_takes_no_more_than_a_third_of_its_disk(tmp_path):
    disk = os.statvfs(tmp_path)

    limit = upkeep.size_limit(tmp_path)

    assert limit == min(20 * 2**30, disk.f_blocks * disk.f_frsize // 3)


def test_runs_go_on_while_their_stores_are_evicted_and_their_packs_joined(
    cache, repository, tmp_path, monkeypatch
):
    monkeypatch.setattr(git_store, "MOST_PACKS", 1)
    wanted = {repository.commit({"site.yml": str(n)}): str(n) for n in range(8)}
    done = threading.Event()

    def evict():
        count = 0
        while not done.is_set():
            count += len(upkeep.tidy(cache, most=0))
        return count

    with ThreadPoolExecutor(9) as threads:
        evictions = threads.submit(evict)
        got = [
            threads.submit(written, cache, repository, sha, tmp_path / "runs" / str(number))
            for number, sha in enumerate([*wanted, *wanted])
        ]
        try:
            assert [each.result() for each in got] == [*wanted.values()] * 2
        finally:
            done.set()
    assert evictions.result() > 0


def test_packs_are_joined_when_they_are_too_many(
    cache, repository, store, destination, monkeypatch
):
    monkeypatch.setattr(git_store, "MOST_PACKS", 5)
    shas = [repository.commit({"site.yml": str(n)}) for n in range(8)]

    packs = []
    for sha in shas:
        checkout(cache, repository.url, sha, destination)
        packs.append(len(list(store.path.glob("objects/pack/*.pack"))))

    assert max(packs) == 5
    assert packs[5] < 5  # the sixth fetch found too many
    for number, sha in enumerate(shas):
        assert written(cache, repository, sha, destination) == str(number)


def test_packs_that_cannot_be_joined_are_no_fault_of_the_run(
    cache, repository, store, destination, monkeypatch
):
    monkeypatch.setattr(git_store, "MOST_PACKS", 0)
    monkeypatch.setattr(git_store, "REPACK", ("repack", "--no-such-option"))

    sha = repository.git("rev-parse", "HEAD")
    assert written(cache, repository, sha, destination) == "one"


# By a runner.


def test_a_runner_looks_after_its_cache(bench, repository, start, tmp_path):
    cache = tmp_path / "data" / "git"
    store = Store(cache, repository.url, ("file",))
    checkout(cache, repository.url, repository.git("rev-parse", "HEAD"), tmp_path / "tree")
    age(store, 2 * HOUR)

    start(CURTAIN_GIT_CACHE_AGE="3600")

    wait_until(lambda: not store.path.exists())
    repository.commit({"site.yml": "- hosts: all\n  gather_facts: false\n"})
    run = bench.await_final(bench.trigger(repository.url))
    assert run.state == "succeeded", run
    assert store.path.exists()
