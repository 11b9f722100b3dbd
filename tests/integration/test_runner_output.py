"""Output is kept byte for byte, whatever it is, and completely before the row is final."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.run import RunState
from runner.store import output
from tests import playbooks
from tests.playbooks import CONFIG, NOISE, printing
from tests.runners import LOCAL

KINDS = {
    "200,000 lines": "b''.join(b'line %d\\n' % n for n in range(200_000))",
    "one line of 5 MB": "b'x' * 5_000_000 + b'\\n'",
    "NUL and invalid UTF-8": "bytes(range(256)) * 100",
    "ANSI and carriage returns": "b'\\x1b[31mred\\x1b[0m\\r10%\\r20%\\r\\n' * 1000",
    "no newline at the end": "b'end'",
}


def printed_by_ansible(path: Path) -> bytes:
    """What `ansible-playbook > file` has in the file."""
    inventory = path / "hosts"
    inventory.write_text(LOCAL)
    printed = path / "printed"
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}
    command = Path(sys.executable).with_name("ansible-playbook")
    with printed.open("wb") as file:
        subprocess.run(
            [command, "--inventory", inventory, "site.yml"],
            cwd=path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            check=True,
        )
    return printed.read_bytes()


@pytest.mark.parametrize("kind", list(KINDS))
def test_output_is_what_ansible_printed(bench, runner, playbook, kind):
    repository = playbook(playbooks.HELLO, **printing(KINDS[kind]))

    run = bench.await_final(bench.trigger(repository.url))

    assert run.state is RunState.SUCCEEDED
    stored = bench.output(run)
    assert stored == printed_by_ansible(repository.path)
    assert (run.output_bytes, run.output_complete) == (len(stored), True)


def test_output_is_all_there_when_the_state_first_reads_final(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.HELLO, **printing("b'x' * 3_000_000")).url)
    while not (now := bench.find(run)).is_final:
        pass

    assert len(bench.output(run)) == now.output_bytes
    assert bench.output(run).endswith(b"ignored=0   \n\n")


def test_a_leaked_standard_output_does_not_hang_the_end(bench, runner, playbook):
    leaking = """
import os, subprocess
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "noise"

    def v2_playbook_on_start(self, playbook):
        subprocess.Popen(["setsid", "sh", "-c", "trap '' TERM; while true; do sleep 1; done"])
"""
    files = {"ansible.cfg": CONFIG, "plugins/noise.py": leaking}

    run = bench.await_final(bench.trigger(playbook(playbooks.HELLO, **files).url), timeout=30)

    assert run.state is RunState.SUCCEEDED
    assert run.output_complete
    assert bench.family(run) == []


def test_output_beyond_the_limit_is_dropped_with_a_notice(bench, start, playbook):
    start(CURTAIN_OUTPUT_LIMIT="100000")
    repository = playbook(playbooks.HELLO, **printing("b'x' * 3_000_000"))

    run = bench.await_final(bench.trigger(repository.url))

    stored = bench.output(run)
    assert run.state is RunState.SUCCEEDED
    assert stored.endswith(
        b"the output limit of 100000 bytes is reached, what follows is not kept]\n"
    )
    assert len(stored) < 101_000
    assert (run.output_truncated, run.output_complete) == (True, False)


def test_a_stop_is_fast_in_a_flood(bench, runner, playbook):
    flood = NOISE.replace("rest = memoryview(NOISE)", "rest = b'flood ' * 1000").replace(
        "rest = rest[os.write(1, rest):]", "os.write(1, rest)"
    )
    files = {"ansible.cfg": CONFIG, "plugins/noise.py": flood}
    run = bench.trigger(playbook(playbooks.HELLO, **files).url)
    bench.await_output(run, b"flood")

    bench.stop(run, force=True)
    final = bench.await_final(run)

    assert final.state is RunState.STOPPED
    assert final.stop_seconds < 20
    assert bench.family(run) == []


@pytest.fixture
def secret_run(bench, playbook):
    """A run with a secret variable that its playbook prints."""
    from runner.vault import Vault

    text = playbooks.HELLO.replace('"hello"', '"<{{ password }}>"')
    sealed = Vault(bench.environ["CURTAIN_SECRET_KEY"]).seal({"password": 'tr0ub4"dor&3'})
    return bench.trigger(playbook(text).url, secrets=sealed)


def test_secrets_are_masked_in_the_output(bench, runner, secret_run):
    run = bench.await_final(secret_run)

    assert run.state is RunState.SUCCEEDED
    assert b"<********>" in bench.output(run)
    assert b"dor&3" not in bench.output(run)
    assert "dor&3" not in runner.log.read_text()


def test_a_chunk_stored_twice_is_there_once(bench, conn, runner, playbook):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    now = bench.find(run)
    bench.stop(run, force=True)
    bench.await_final(run)

    assert not output.append(conn, run.id, now.lease_token, now.output_bytes, b"late")
    assert b"late" not in bench.output(run)
