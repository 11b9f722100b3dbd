"""A template to begin with: its Git repository, and the lines that declare, run and stop it."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "sample"

#: Nothing of the user's own configuration (signing, hooks, templates) belongs in the sample.
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Curtain",
    "GIT_AUTHOR_EMAIL": "curtain@localhost",
    "GIT_COMMITTER_NAME": "Curtain",
    "GIT_COMMITTER_EMAIL": "curtain@localhost",
}


def make_repository(folder: Path) -> None:
    """Make the sample's repository in *folder* unless it is there."""
    if folder.exists():
        return
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(SOURCE, part)
    _git(part, "init", "--quiet", "--initial-branch=main")
    _git(part, "add", ".")
    _git(part, "commit", "--quiet", "--message=A playbook to try the service with")
    part.rename(folder)


def _git(folder: Path, *arguments: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *arguments], cwd=folder, env=own | ENVIRONMENT, check=True)


def template(repository: Path) -> dict[str, object]:
    """Declare what can be run of the sample."""
    return {
        "playbook": {"repository": repository.as_uri(), "ref": "main", "path": "site.yml"},
        "inventory": {"content": "localhost ansible_connection=local\n"},
        "accepts": {"greeting": {"type": "string", "default": "hello"}},
    }


def curl_lines(address: str, token: str, repository: Path, run: int) -> list[str]:
    """Give three lines for a shell: declare the template, run it, stop the run it makes.

    *token* is what the shell makes the token of.
    """
    token_argument = f'"Authorization: Bearer {token}"'
    curl = f"curl -sS -H {token_argument} -H 'Content-Type: application/json'"
    api = f"{address}/api/v1"
    body = shlex.quote(json.dumps(template(repository)))
    return [
        f"{curl} -X PUT {api}/templates/sample -d {body}",
        f"""{curl} -X POST {api}/templates/sample/runs -d '{{"vars": {{"greeting": "hi"}}}}'""",
        f"{curl} -X POST {api}/runs/{run}/stop",
    ]
