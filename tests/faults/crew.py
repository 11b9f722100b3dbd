"""Two runners that are killed, shut down, frozen and brought back."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from runner import family
from tests.runners import ROOT, RunnerProcess
from tests.waiting import wait_until

GOODBYE = 30.0  # seconds from SIGTERM in which a platform lets a process end


@dataclass
class Post:
    """A place where one runner works; the one before it may still be leaving."""

    runner: RunnerProcess | None = None
    is_frozen: bool = False
    leaving: list[RunnerProcess] = field(default_factory=list)


class Crew:
    """The runners of one test. What ends of itself among them is a fault of ours."""

    def __init__(self, environ: dict[str, str], folder: Path, posts: int = 2) -> None:
        """Start none yet; their logs go to *folder*."""
        self._environ = environ
        self._folder = folder
        self._count = 0
        self.posts = [Post() for _ in range(posts)]

    def mark(self) -> dict[Path, int]:
        """How much each runner has said so far."""
        return {path: path.stat().st_size for path in self._folder.glob("runner-*.log")}

    def log(self, since: dict[Path, int]) -> str:
        """What the runners have said since a mark, in the order of its times."""
        said = [
            line
            for path in self._folder.glob("runner-*.log")
            for line in path.read_bytes()[since.get(path, 0) :].decode().splitlines()
        ]
        return "\n".join(sorted(said))

    def start(self, at: int, machine: str) -> None:
        """Put a runner to an empty post."""
        self._count += 1
        log = self._folder / f"runner-{self._count:04}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.hasty_runner"],
                cwd=ROOT,
                env={**os.environ, **self._environ, "RUNNER_MACHINE": machine},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.posts[at].runner = RunnerProcess(process, log)

    def kill(self, at: int) -> None:
        """Kill the runner of a post."""
        self._take_off(at).kill()

    def dismiss(self, at: int) -> None:
        """Shut the runner of a post down, without waiting for its end."""
        runner = self._take_off(at)
        runner.process.send_signal(signal.SIGTERM)
        self.posts[at].leaving.append(runner)

    def _take_off(self, at: int) -> RunnerProcess:
        post = self.posts[at]
        runner = post.runner
        assert runner is not None
        post.runner, post.is_frozen = None, False
        return runner

    def freeze(self, at: int) -> None:
        """Let the runner of a post do nothing."""
        self._send(at, signal.SIGSTOP)
        self.posts[at].is_frozen = True

    def thaw(self, at: int) -> None:
        """Let it go on."""
        self._send(at, signal.SIGCONT)
        self.posts[at].is_frozen = False

    def _send(self, at: int, number: signal.Signals) -> None:
        runner = self.posts[at].runner
        assert runner is not None
        runner.process.send_signal(number)

    def recover(self) -> None:
        """Thaw all, wait for those that leave, and see to it that somebody works."""
        for at, post in enumerate(self.posts):
            if post.runner is not None:
                self.thaw(at)
            for runner in post.leaving:
                _await_goodbye(runner)
            post.leaving.clear()
        if not any(post.runner for post in self.posts):
            self.start(0, "here")

    def check_alive(self) -> None:
        """See that nobody has ended who was not asked to."""
        for post in self.posts:
            if post.runner is not None:
                code = post.runner.process.poll()
                assert code is None, f"a runner has ended with {code}: {post.runner.log}"

    def disband(self, installation: str) -> None:
        """End them all, and what a failed search has left of their families."""
        for at, post in enumerate(self.posts):
            if post.runner is not None:
                self.dismiss(at)
            for runner in post.leaving:
                runner.process.send_signal(signal.SIGCONT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    runner.process.wait(timeout=GOODBYE)
                runner.kill()
        wait_until(lambda: _kill_all(installation))


def _await_goodbye(runner: RunnerProcess) -> None:
    """Wait for the end of a runner that was shut down, which is a good one."""
    runner.process.send_signal(signal.SIGCONT)
    code = runner.process.wait(timeout=GOODBYE)
    has_begun = "slots" in runner.log.read_text()
    # The interpreter itself is killed by a SIGTERM that comes before ours is installed.
    assert code == 0 or (code == -signal.SIGTERM and not has_begun), f"{runner.log} ended: {code}"


def _kill_all(installation: str) -> bool:
    """Kill every family. True when there was none."""
    families = family.find(installation)
    for members in families.values():
        for member in members:
            family.kill(member)
    return not families
