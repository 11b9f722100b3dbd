"""A playbook that tells how often it was played."""

import pytest

#: Each play of it leaves a line: two lines are a run that was played twice.
COUNTED = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo $CURTAIN_RUN >> {file}
    - debug: msg="ready"
    - command: sleep {seconds}
"""


@pytest.fixture
def plays(tmp_path):
    """The ids of the runs that were played, one for each time."""
    file = tmp_path / "plays"
    return lambda: [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def counted(playbook, tmp_path):
    """A repository whose playbook counts its plays and then sleeps."""
    return lambda seconds: playbook(COUNTED.format(file=tmp_path / "plays", seconds=seconds)).url
