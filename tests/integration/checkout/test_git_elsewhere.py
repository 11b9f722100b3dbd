"""A git that was unpacked where nobody has compiled it for, as Heroku's apt buildpack does."""

import subprocess
from pathlib import Path

from runner.run import RunState
from tests.playbooks import HELLO

WRAPPED = "git-upload-pack"  # what serves a repository of this machine


def test_it_finds_its_own_programs_where_git_exec_path_says(bench, start, playbook, tmp_path):
    told = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    own, mark = tmp_path / "git-core", tmp_path / "was-used"
    own.mkdir()
    for program in Path(told.stdout.strip()).iterdir():
        (own / program.name).symlink_to(program)
    real = (own / WRAPPED).resolve()
    (own / WRAPPED).unlink(missing_ok=True)
    (own / WRAPPED).write_text(f'#!/bin/sh\ntouch {mark}\nexec {real} upload-pack "$@"\n')
    (own / WRAPPED).chmod(0o755)
    start(GIT_EXEC_PATH=str(own))

    final = bench.await_final(bench.trigger(playbook(HELLO).url))

    assert final.state is RunState.SUCCEEDED
    assert mark.exists()
    assert bench.family(final) == []
