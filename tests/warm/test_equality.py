"""A warm start is a cold one that comes sooner: no byte of what a playbook does is another."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.leading import ROOT
from tests.warm.corpus import CASES, Case

pytestmark = pytest.mark.timeout(300)  # seconds; a zygote takes ten and more on a busy machine
Play = Callable[[Case, int], dict[str, Any]]


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Play cases in a process of their own: whoever adopts keepers adopts every orphan."""
    directory = tmp_path_factory.mktemp("warm")
    player = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.player", str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert player.stdin is not None
    assert player.stdout is not None

    def ask(case: Case, times: int) -> dict[str, Any]:
        assert player.stdin is not None
        assert player.stdout is not None
        player.stdin.write(json.dumps([case.name, times]) + "\n")
        player.stdin.flush()
        answer: dict[str, Any] = json.loads(player.stdout.readline())
        assert "fault" not in answer, answer["fault"]
        return answer

    with player:
        yield ask
        player.stdin.close()
        assert player.wait(30) == 0


def told(play: dict[str, Any], *, is_unordered: bool) -> dict[str, Any]:
    """Take what must be the same."""
    lines = play["output"].splitlines()
    output = set(lines) if is_unordered else lines
    return {"code": play["code"], "output": output, "files": play["files"], "left": play["left"]}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_warm_and_cold_are_equal(play: Play, case: Case) -> None:
    check(play, case, times=2)


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_cold][::12], ids=str)
def test_eight_at_once_from_one_zygote_are_equal(play: Play, case: Case) -> None:
    check(play, case, times=8)


def check(play: Play, case: Case, times: int) -> None:
    """Play *case* cold, and so often at once from one zygote: each must have done the same."""
    ended = play(case, times)

    starts = [each["start"] for each in ended["warm"]]
    assert starts == ([] if case.is_cold else ["warm"] * times), ended["unfit"]
    for each in ended["warm"]:
        same = {"is_unordered": case.is_unordered}
        assert told(each, **same) == told(ended["cold"], **same)
