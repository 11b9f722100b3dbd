"""What a runner keeps of a keeper."""

import errno
import os

import pytest

from runner import kept


@pytest.mark.parametrize("possible", [0, 1, 2], ids=lambda count: f"{count} of 3")
def test_a_keeper_whose_pipes_cannot_all_be_made_costs_no_descriptor(monkeypatch, possible):
    """Or each try would leave less for the next one: the runner never recovers."""
    pipes = [os.pipe() for _ in range(possible)]
    left = iter(pipes)

    def pipe():
        try:
            return next(left)
        except StopIteration:
            raise OSError(errno.EMFILE, "Too many open files") from None

    monkeypatch.setattr(os, "pipe", pipe)

    with pytest.raises(OSError, match="Too many open files"):
        kept.Kept()

    for descriptor in sum(pipes, ()):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
