"""Finding and ending a family without its keeper."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner import family, linux
from runner.mark import brand, run_of
from tests.keeping import RUN, Kept, child, keepers
from tests.waiting import wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    with keepers(tmp_path) as start_keeper:
        yield start_keeper


def found(kept: Kept, run: int = RUN) -> set[int]:
    return {member.pid for member in family.find(kept.installation).get(run, [])}


@pytest.mark.parametrize(
    ("run_id", "installation"),
    [
        (1, "00000000"),
        (12, "7fffffff"),
        (0xFFFFFFFF, "ffffffff"),  # the largest there is
    ],
)
def test_a_brand_is_a_limit_below_infinity(run_id, installation):
    assert 0 < brand(run_id, installation) < 2**64 - 1  # RLIM_INFINITY


def test_a_mark_names_run_and_installation():
    assert family.mark(12, "0a1b2c3d") == {
        "CURTAIN_RUN": "12",
        "CURTAIN_INSTALLATION": "0a1b2c3d",
    }


@pytest.mark.parametrize(
    "children",
    [
        ["obedient"],
        ["forking", 6],
        ["daemon"],  # dropped its mark: found by its brand
    ],
    ids=str,
)
def test_a_whole_family_is_found(start, children):
    kept = start().play(child(*children))

    assert found(kept) == set(kept.living())
    assert found(kept) == {member.pid for member in family.below(kept.keeper.pid)}
    assert kept.keeper.pid not in found(kept)
    kept.send(b"k")
    kept.wait_for_end()
    assert family.find(kept.installation) == {}
    assert family.below(kept.keeper.pid) == []


def test_a_mark_is_enough_where_the_brand_was_lost(start):
    kept = start()
    lost = "import os, resource; resource.setrlimit(10, (-1, -1)); os.write(1, b'ready')"
    kept.play([*child("obedient")[:3], "-c", f"{lost}; import time; time.sleep(120)"])

    assert found(kept) == set(kept.living()) != set()
    kept.send(b"k")
    kept.wait_for_end()
    assert kept.living() == []


def test_idle_keepers_and_other_installations_are_not_found(start):
    idle, other = start(), start().play(child("obedient"))

    assert family.find(idle.installation) == {}
    other.send(b"k")
    other.wait_for_end()
    assert other.living() == []


def test_runs_are_kept_apart(start):
    first = start()
    second = start()
    second.installation = first.installation
    second.record = second.record.with_suffix(".second")
    first.play(child("obedient"), run=1)
    second.play(child("forking", 2), run=2)

    assert (len(found(first, 1)), len(found(first, 2))) == (1, 3)
    for kept in (first, second):
        kept.send(b"k")
        kept.wait_for_end()
    assert first.living() == []


def test_the_caller_is_never_found():
    code = (
        "from runner import family, mark; import os;"
        "mark.wear(mark.brand(3, 'abcdef01'));"
        "print(mark.run_of(os.getpid(), 'abcdef01'), family.find('abcdef01'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert told.stdout == "3 {}\n"


def test_a_lowered_limit_takes_the_brand_but_ends_nothing():
    code = (
        "from runner import mark; import resource; resource.setrlimit(10, (100, 100));"
        "mark.wear(mark.brand(3, 'abcdef01')); print(resource.getrlimit(10))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert told.stdout == "(100, 100)\n"


@pytest.mark.parametrize("text", ["x", "", "9" * 5000])  # Python reads 4,300 digits at most
def test_a_nonsense_mark_is_no_mark(text):
    environment = {"CURTAIN_RUN": text, "CURTAIN_INSTALLATION": "abcdef02"}
    with subprocess.Popen(["/bin/sleep", "300"], env=environment) as sleeper:
        run_id = run_of(sleeper.pid, "abcdef02")
        sleeper.kill()

    assert run_id is None


@pytest.mark.parametrize("children", [["forking", 6], ["daemon"], ["asked", "stubborn"]], ids=str)
@pytest.mark.parametrize("grace", [0, 0.2])
def test_the_orphans_of_a_killed_keeper_are_found_and_ended(start, children, grace):
    kept = start().play(child(*children))
    leader = kept.wait_for("started")["pid"]
    kept.keeper.kill()
    kept.keeper.wait()
    wait_until(lambda: leader not in kept.living())  # its death signal
    orphans = found(kept)

    assert orphans == set(kept.living()) != set()
    ended = family.end(lambda: family.find(kept.installation).get(RUN, []), grace)
    assert ended.terminated == (len(orphans) if grace else 0)
    assert ended.survivors == []
    assert kept.living() == []


def test_a_family_that_obeys_is_not_killed(start):
    kept = start().play(child("forking", 3))
    kept.keeper.send_signal(signal.SIGSTOP)  # it would end the others when the leader has ended
    ended = family.end(lambda: family.below(kept.keeper.pid), 10)
    kept.keeper.send_signal(signal.SIGCONT)

    assert (ended.terminated, ended.killed) == (4, 0)
    assert ended.seconds < 10  # the grace
    kept.wait_for_end()
    assert kept.living() == []


def test_a_family_in_respawn_is_ended(start):
    kept = start().play(child("respawning"))
    ended = family.end(lambda: family.find(kept.installation).get(RUN, []), 0.1)

    assert ended.survivors == []
    kept.wait_for_end()
    assert kept.living() == []


def test_ending_nobody_takes_no_time():
    ended = family.end(list, 10)

    assert (ended.terminated, ended.killed, ended.survivors) == (0, 0, [])
    assert ended.seconds < 10  # the grace


def test_a_member_whose_number_was_used_again_is_left_alone():
    with subprocess.Popen(["/bin/sleep", "300"]) as sleeper:
        stat = linux.read(sleeper.pid)
        stranger = family.Member(sleeper.pid, stat.created - 1, 1, stat.group, stat.session, "")
        looks = [[stranger], [stranger], []]
        ended = family.end(lambda: looks.pop(0) if looks else [], 0)

        assert sleeper.poll() is None
        assert ended.killed == 0
        sleeper.kill()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become two other users")
def test_members_of_another_user_survive_and_are_told():
    code = (
        "import os, sys; from runner import family, linux; os.setresuid(65533, 65533, 65533);"
        "pid = int(sys.argv[1]); s = linux.read(pid);"
        "m = family.Member(pid, s.created, s.parent, s.group, s.session, 'sleep');"
        "e = family.end(lambda: [m], 0.1); print(e.terminated, e.killed, e.survivors == [m])"
    )
    setpriv = ["setpriv", "--reuid=65534", "--clear-groups", "/bin/sleep", "60"]
    with subprocess.Popen(setpriv) as sleeper:
        wait_until(lambda: linux.user(sleeper.pid) == 65534)
        told = subprocess.run(
            [sys.executable, "-c", code, str(sleeper.pid)],
            capture_output=True,
            check=True,
            text=True,
        )
        sleeper.send_signal(signal.SIGKILL)

    assert told.stdout == "0 0 True\n"


def test_a_description_tells_what_a_member_is_and_uses(start):
    kept = start().play([*child("obedient"), "--password=hunter2"])
    (member,) = family.below(kept.keeper.pid)
    (told,) = family.describe([member], masks=["hunter2", ""])

    assert set(told) == {"pid", "parent", "pgid", "sid", "command", "age", "cpu", "memory", "state"}
    assert told["pid"] == told["pgid"] == told["sid"] == member.pid
    assert told["command"].endswith("obedient.py --password=***")
    assert told["state"] == "sleeping"
    assert told["age"] >= 0
    assert told["memory"] > 1_000_000
    kept.send(b"k")
    kept.wait_for_end()
    assert family.describe([member]) == []
    assert kept.living() == []


BLIND = """
import os, resource
from runner import family
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
while True:
    try:
        last = os.open("/", os.O_RDONLY)
    except OSError:
        break
os.close(last)  # one is left, which the look itself takes: /proc can be listed, and no more
listing, os.listdir = os.listdir("/proc"), lambda path: listing
os.open("/", os.O_RDONLY)
try:
    print(family.find("{installation}"))
except OSError as error:
    print(error.strerror)
"""


def test_without_a_file_to_look_with_nobody_is_said_to_be_gone(start):
    kept = start().play(child("obedient"))

    looked = subprocess.run(
        [sys.executable, "-c", BLIND.format(installation=kept.installation)],
        cwd=Path(linux.__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )

    assert looked.stdout == "Too many open files\n"
