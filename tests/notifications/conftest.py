"""The fixtures of everything that is tried with a runner."""

from tests.integration.conftest import bench, playbook, runner, start

__all__ = ["bench", "playbook", "runner", "start"]
