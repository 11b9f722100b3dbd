"""How a command ends whose run's runner does not live on."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner import family
from runner.store import runs
from tests.cli.conftest import Shell
from tests.formation import TOKEN, Formation
from tests.waiting import wait_until


@pytest.fixture
def formation(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Formation]:
    """One of the test's own, whose runners may come to harm."""
    (tmp_path / "formation").mkdir()
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "s" * 32,
        "CURTAIN_DATA": str(tmp_path / "formation" / "runner"),
        "RUNNER_DRAIN": "0",
        "RUNNER_LEASE": "3",
        "WEB_CONCURRENCY": "1",
    }
    started = Formation(environ, tmp_path / "formation")
    yield started
    started.stop()


@pytest.mark.parametrize(
    ("harm", "state", "code"), [("shut down", "interrupted", 5), ("frozen", "lost", 6)]
)
def test_a_run_that_its_runner_leaves_is_told_by_the_exit_code(
    formation: Formation,
    tmp_path: Path,
    conn: Any,
    spec: dict[str, Any],
    harm: str,
    state: str,
    code: int,
) -> None:
    api = formation.start_web()
    runner = formation.start_runner(RUNNER_MACHINE="away")
    api.call("PUT", "/templates/greet", spec)
    curtain = Shell(
        tmp_path, {"CURTAIN_URL": f"http://127.0.0.1:{api.port}", "CURTAIN_TOKEN": TOKEN}
    )
    waiting = curtain.start("run", "greet", "-e", "seconds=300", "--wait", "--json")
    wait_until(lambda: _is_playing(api))

    if harm == "frozen":
        runner.send_signal(signal.SIGSTOP)
        formation.start_runner(RUNNER_MACHINE="here")
    else:
        runner.terminate()
        formation.processes.remove(runner)
        assert runner.wait(60) == 0
    written, _ = waiting.communicate(timeout=90)
    runner.send_signal(signal.SIGCONT)

    assert waiting.returncode == code
    assert json.loads(written.splitlines()[-1])["state"] == state
    wait_until(lambda: family.find(runs.installation(conn)) == {})


def _is_playing(api: Any) -> bool:
    found = api.call("GET", "/runs").json["runs"]
    return bool(found) and found[0]["phase"] == "playing"
