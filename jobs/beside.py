"""What the processes beside a runner have in common: they are below it, and see few secrets."""

import logging
import os
import signal

from runner import linux, logs
from runner.settings import Settings
from runner.visible import keeper_environment

NICE = 10  # runs and their stops come first


def begin(argv: list[str]) -> Settings:
    """Become the child of the runner that *argv* names; it gets a SIGTERM when that dies."""
    logs.configure(logging.WARNING)
    linux.become_subreaper()
    linux.die_with_parent(int(argv[0]), signal.SIGTERM)
    settings = Settings.from_environ(os.environ)
    os.nice(NICE)
    forget_secrets()
    return settings


def forget_secrets() -> None:
    """Leave in the environment, which children are given, what they may see."""
    shown = keeper_environment(os.environ)
    os.environ.clear()
    os.environ.update(shown)
