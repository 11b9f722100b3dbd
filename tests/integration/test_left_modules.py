"""Modules and their arguments, secrets too: of an ended run none is left on the runner's disk."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runner.plugin import MODULES
from runner.run import RunState
from runner.vault import Vault
from tests import playbooks
from tests.runners import LOCAL
from tests.waiting import wait_until

SECRET = "hunter22hunter22"
SLEEPING = """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo {{ password }}
      no_log: true
    - debug: msg="ready"
    - shell: "trap '' TERM INT HUP; sleep 300; : {{ password }}"
      no_log: true
"""
ENDING = SLEEPING.replace("sleep 300", "sleep 0")
OTHERS = "ansible-tmp-1700000000.123-4567-89012345678901"


@pytest.fixture(autouse=True)
def home(tmp_path, bench):
    """A home of the test's own, where another controller plays, too.

    Ansible takes ~ for what /etc/passwd says, whatever HOME is: it must be told.
    """
    home = tmp_path / "home"
    other = home / ".ansible" / "tmp" / OTHERS
    other.mkdir(parents=True)
    bench.environ["ANSIBLE_REMOTE_TMP"] = str(other.parent)
    return home


@pytest.fixture
def trigger(bench, home, playbook):
    """Trigger a run with a secret."""
    urls = {}

    def make(text, inventory=LOCAL, files=None, **spec):
        sealed = Vault(bench.environ["CURTAIN_SECRET_KEY"]).seal({"password": SECRET})
        if text not in urls:
            urls[text] = playbook(text, **(files or {})).url
        return bench.trigger(
            urls[text],
            inventory,
            accepts={"password": {"type": "string", "secret": True}},
            secrets=sealed,
            **spec,
        )

    return make


def files_with_the_secret(folder):
    found = subprocess.run(["grep", "-rl", SECRET, folder], capture_output=True, text=True)
    return found.stdout.split()


def temporary(base):
    return sorted(path.name for path in base.glob("ansible-tmp-*"))


def await_module(bench, run, folder):
    """Wait until the secret is on the disk."""
    bench.await_output(run, b"ready")
    wait_until(lambda: any("AnsiballZ" in name for name in files_with_the_secret(folder)))


@pytest.mark.parametrize("force", [False, True], ids=["gracefully", "at once"])
def test_a_stopped_run_leaves_no_secret(bench, runner, trigger, home, tmp_path, force):
    run = trigger(SLEEPING)
    await_module(bench, run, home)

    bench.stop(run, force=force)

    assert bench.await_final(run).state is RunState.STOPPED
    wait_until(lambda: not files_with_the_secret(tmp_path))
    assert temporary(home / ".ansible" / "tmp") == [OTHERS]


@pytest.mark.parametrize("where", ["the environment", "ansible.cfg", "a variable of the host"])
def test_wherever_ansible_has_its_temporary_files(bench, start, trigger, tmp_path, where):
    elsewhere = tmp_path / "elsewhere"
    del bench.environ["ANSIBLE_REMOTE_TMP"]
    start()
    match where:
        case "the environment":
            run = trigger(SLEEPING, environment={"ANSIBLE_REMOTE_TMP": str(elsewhere)})
        case "ansible.cfg":
            config = f"[defaults]\nremote_tmp = {elsewhere}\n"
            run = trigger(SLEEPING, files={"ansible.cfg": config})
        case _:
            run = trigger(SLEEPING, f"{LOCAL.strip()} ansible_remote_tmp={elsewhere}\n")
    await_module(bench, run, elsewhere)

    bench.stop(run)

    bench.await_final(run)
    wait_until(lambda: not files_with_the_secret(tmp_path))
    assert temporary(elsewhere) == []


def test_a_run_that_ends_by_itself_leaves_nothing(bench, runner, trigger, home, tmp_path):
    run = trigger(ENDING)

    assert bench.await_final(run).state is RunState.SUCCEEDED
    wait_until(lambda: not files_with_the_secret(tmp_path))
    assert temporary(home / ".ansible" / "tmp") == [OTHERS]


def test_who_wants_to_keep_the_files_keeps_them(bench, runner, trigger, home):
    run = trigger(ENDING, environment={"ANSIBLE_KEEP_REMOTE_FILES": "1"})

    assert bench.await_final(run).state is RunState.SUCCEEDED
    wait_until(lambda: not Path(bench.find(run).directory).exists())
    assert len(temporary(home / ".ansible" / "tmp")) == 3


def test_when_keeper_and_runner_are_killed_the_next_round_removes_it(
    bench, start, trigger, home, tmp_path
):
    first = start(RUNNER_LEASE="2")
    run = trigger(SLEEPING)
    await_module(bench, run, home)
    directory = Path(bench.find(run).directory)

    first.process.send_signal(signal.SIGSTOP)
    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)
    first.kill()
    start(RUNNER_LEASE="2")

    bench.await_final(run)
    wait_until(lambda: not bench.family(run))
    os.utime(directory, (time.time() - 3600,) * 2)  # it is left alone while it is young
    wait_until(lambda: not files_with_the_secret(tmp_path))
    assert temporary(home / ".ansible" / "tmp") == [OTHERS]


def test_an_async_job_that_outlives_its_run_keeps_its_files(bench, runner, trigger, home):
    run = bench.await_final(trigger(playbooks.LEAVING, leave_async=True))

    wait_until(lambda: not Path(bench.find(run).directory).exists())
    (left,) = set(temporary(home / ".ansible" / "tmp")) - {OTHERS}
    assert list((home / ".ansible" / "tmp" / left).iterdir())
    for each in run.left_running:
        os.kill(each["pid"], signal.SIGKILL)
    wait_until(lambda: bench.family(run) == [])


FORGING = f"""
- hosts: all
  gather_facts: false
  tasks:
    - shell: "cd \\"$ANSIBLE_LOCAL_TEMP\\"/.. && rm {MODULES}; {{{{ forgery }}}}"
    - command: echo one more
"""
FORGERIES = {
    "nothing": "true",
    "a pipe": f"mkfifo {MODULES}",
    "a directory": f"mkdir {MODULES}",
    "a link": f"ln -s {{home}}/.ansible/precious {MODULES}",
    "other paths": f"(echo {{home}}; echo {{home}}/.ansible; echo /) > {MODULES}",
}


def test_what_a_playbook_puts_in_its_place_hurts_nobody(bench, runner, trigger, home):
    precious = home / ".ansible" / "precious"
    precious.write_text("kept\n")

    runs = [
        trigger(FORGING, vars={"forgery": forgery.format(home=home)})
        for forgery in FORGERIES.values()
    ]

    for name, run in zip(FORGERIES, runs, strict=True):
        ended = bench.await_final(run)
        assert ended.state is RunState.SUCCEEDED, (name, bench.output(run))
        wait_until(lambda directory=Path(ended.directory): not directory.exists())
    assert precious.read_text() == "kept\n"
    assert temporary(home / ".ansible" / "tmp") == [OTHERS]
