"""ansible-galaxy as a command: its time limit and its last words."""

import os

import pytest

from runner import galaxy
from runner.errors import RequirementsFailed
from runner.galaxy import install, last_words
from tests.living import living
from tests.waiting import wait_until

HANGING = """#!/bin/sh
sleep 3600 &
echo 'Cloning into web...'
wait
"""


def test_one_that_hangs_is_ended_with_its_children(tmp_path, monkeypatch, capfd):
    program = tmp_path / "ansible-galaxy"
    program.write_text(HANGING)
    program.chmod(0o755)
    monkeypatch.setattr(galaxy, "INSTALL_SECONDS", 0.5)
    environment = {**os.environ, "MARK": str(tmp_path)}

    with pytest.raises(RequirementsFailed, match=r"took more than 0\.5 seconds"):
        install(str(program), [tmp_path], tmp_path, environment=environment, cwd=tmp_path)

    wait_until(lambda: not living(str(tmp_path)))
    assert capfd.readouterr().out == "Cloning into web...\n"  # seen by those who watch the run


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("Starting\n[ERROR]: No requirements found\n", "[ERROR]: No requirements found"),
        ("ERROR! of an older one\n", "ERROR! of an older one"),
        (
            "[WARNING]: Deprecated.\n[WARNING]: - web was NOT installed successfully: gone\n"
            "[ERROR]: - you can use --ignore-errors to skip failed roles and finish.\n",
            "[WARNING]: - web was NOT installed successfully: gone",
        ),
        ("Traceback\nKeyError: 'x'\n", "Traceback\nKeyError: 'x'"),  # all there is
        ("fatal: https://u:hunter2@h/x\n", "fatal: https://***@h/x"),
        ("", "ansible-galaxy ended with status 3"),
    ],
)
def test_the_reason_is_found_in_what_it_printed(output, words):
    assert last_words(output, 3) == words
