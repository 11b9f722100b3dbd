"""One real web and runner for all tests of the command line, and the command as a person has it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.formation import TOKEN, Client, Formation
from tests.repositories import Repository, make_repository
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
CURTAIN = [sys.executable, "-m", "app.cli.main"]

#: Says what it was given, takes a while if asked, and fails if asked.
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Greet
      debug:
        msg: "{{ greeting | default('hello') }}"
    - name: Wait
      command: "sleep {{ seconds | default(0) }}"
      changed_when: false
    - name: Fail
      fail:
        msg: "as asked"
      when: fails | default(false)
"""
HOSTS = "".join(
    f"{name} ansible_connection=local ansible_python_interpreter={sys.executable}\n"
    for name in ("web1", "web2")
)
ACCEPTS: dict[str, Any] = {
    "greeting": {"type": "string"},
    "seconds": {"type": "integer", "minimum": 0},
    "fails": {"type": "boolean"},
    "hosts": {"type": "list"},
    "ratio": {"type": "number"},
    "settings": {"type": "object"},
    "password": {"type": "string", "secret": True},
}


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def entries(self) -> list[Any]:
        """What a stream of JSON lines holds."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Shell:
    """Calls `curtain` as a script does: no terminal, and a home of its own."""

    def __init__(self, home: Path, environ: dict[str, str]) -> None:
        self.home = home
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environ = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), **environ}

    def __call__(self, *arguments: str, given: str | bytes = b"", **environ: str) -> Ran:
        ran = subprocess.run(
            [*CURTAIN, *arguments],
            cwd=self.home,
            env=self.environ | environ,
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            timeout=90,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr.decode())

    def ok(self, *arguments: str, **more: Any) -> Ran:
        """Call it, and see that it has done what was asked."""
        ran = self(*arguments, **more)
        assert ran.code == 0, (ran.code, ran.out, ran.stderr)
        return ran

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Call it and go on."""
        return subprocess.Popen(
            [*CURTAIN, *arguments],
            cwd=self.home,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            bufsize=0,  # what readline has taken too much of, communicate would not see
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture(scope="session")
def formation(
    services: dict[str, str],
    make_shared_redis: Callable[[], str],
    server: Any,
    template_database: str,
    worker: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Formation]:
    name = f"cli_{worker}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    folder = tmp_path_factory.mktemp("formation")
    started = Formation(
        {
            "DATABASE_URL": services["postgres"].replace("/postgres?", f"/{name}?"),
            "REDIS_URL": make_shared_redis(),
            "CURTAIN_ADMIN_TOKEN": TOKEN,
            "CURTAIN_SECRET_KEY": "s" * 32,
            "CURTAIN_DATA": str(folder / "runner"),
            "RUNNER_DRAIN": "0",
            "WEB_CONCURRENCY": "1",
        },
        folder,
    )
    started.start_web()
    started.start_runner()
    yield started
    started.stop()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def api(formation: Formation) -> Client:
    """The API, as another caller has it."""
    client = Client(formation.port)
    wait_until(lambda: client.call("GET", "//ready").json["runners"])
    return client


@pytest.fixture(scope="session")
def url(api: Client) -> str:
    return f"http://127.0.0.1:{api.port}"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git") / "site", {"site.yml": PLAYBOOK})


@pytest.fixture(scope="session")
def spec(repository: Repository) -> dict[str, Any]:
    """What the template of the tests is."""
    return {
        "playbook": {"repository": repository.path.as_uri(), "ref": "main", "path": "site.yml"},
        "inventory": {"content": HOSTS},
        "accepts": ACCEPTS,
        "overrides": ["limit", "tags", "skip_tags", "check", "diff", "verbosity", "ref"],
        "grace": 1,
    }


@pytest.fixture
def template(api: Client, spec: dict[str, Any]) -> str:
    """The name of the template of the tests; put anew, for tests of pruning take it away."""
    assert api.call("PUT", "/templates/greet", spec).status in (200, 201)
    return "greet"


@pytest.fixture
def curtain(url: str, tmp_path: Path) -> Shell:
    """The command, signed in by the environment."""
    return Shell(tmp_path, {"CURTAIN_URL": url, "CURTAIN_TOKEN": TOKEN})


@pytest.fixture
def stranger(tmp_path: Path) -> Shell:
    """The command, with no server known."""
    return Shell(tmp_path, {})


@pytest.fixture
def trigger(api: Client, template: str) -> Callable[..., int]:
    """Queue a run past the command line, and give its id."""

    def queue(**given: Any) -> int:
        answer = api.call("POST", f"/templates/{template}/runs", {"vars": given})
        assert answer.status == 202, answer.body
        return int(answer.json["id"])

    return queue


@pytest.fixture(scope="session")
def ended(api: Client, spec: dict[str, Any]) -> int:
    """A run that has succeeded."""
    assert api.call("PUT", "/templates/greet", spec).status in (200, 201)
    body = {"vars": {"greeting": "an end"}, "reason": "to be looked at"}
    answer = api.call("POST", "/templates/greet/runs?wait=60", body)
    assert answer.json["state"] == "succeeded", answer.body
    return int(answer.json["id"])
