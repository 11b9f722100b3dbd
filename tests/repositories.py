"""Throw-away Git repositories."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "Ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree at *path*, whose branch is main."""

    path: Path

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def git(self, *arguments: str, text: str | None = None) -> str:
        """Run git there, with *text* on its stdin, and return what it says."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=ENVIRONMENT,
            check=True,
            capture_output=True,
            input=text,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        """Write *files* (path to content) and return the sha of a commit with them."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return self.commit_all()

    def commit_all(self) -> str:
        """Commit the work tree as it is, and return the sha."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change it")
        return self.git("rev-parse", "HEAD")


def make_repository(
    path: Path, files: dict[str, str] | None = None, object_format: str = "sha1"
) -> Repository:
    """Make a repository at *path* with one commit of *files* (path to content)."""
    path.mkdir(parents=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")
    repository.commit(files or {})
    return repository


def add_submodule(parent: Repository, path: str, url: str, sha: str) -> str:
    """Name a commit of another repository at *path*, and return the sha of the commit with it."""
    (parent.path / path).mkdir(parents=True)
    parent.git("update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    with (parent.path / ".gitmodules").open("a") as file:
        file.write(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    return parent.commit_all()
