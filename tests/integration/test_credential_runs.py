"""Runs with credentials, by a real runner: what they reach, and that nothing of them is left."""

import base64
import contextlib
import getpass
import os
import signal
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from runner.run import RunState
from runner.ssh_key import unlock, write
from tests.integration.test_keyring import SUDO
from tests.keys import private_key
from tests.remotes.https import silent
from tests.waiting import wait_until

PASSWORD = "p/a@s:s%w#o?r d"
BECOME = "become '%s\" / me"
VAULT = "the vault's / pass % word"
PASSPHRASE = "a pass / phrase"
FORGE = {"kind": "git_https", "username": "ada@example.com", "password": PASSWORD}
SECRETS = {"kind": "vault_password", "password": VAULT}

#: Prints what there is to see of the run: its processes, as they were started, and those above.
LOOKING = """
import os, pathlib
mark = "CURTAIN_RUN=" + os.environ["CURTAIN_RUN"]
above = [os.getpid()]
while above[-1] > 1:
    status = pathlib.Path(f"/proc/{above[-1]}/stat").read_text()
    above.append(int(status.rpartition(")")[2].split()[1]))
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        environ = (process / "environ").read_bytes().decode(errors="replace")
        command = (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        continue
    if mark in environ or int(process.name) in above:
        print(command.replace("\\0", " "), environ.replace("\\0", " "))
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - command: "{{ ansible_playbook_python }} {{ playbook_dir }}/look.py"
      delegate_to: localhost
      connection: local
      become: false
    - raw: echo became
"""
SLEEPING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=ready
    - command: sleep 300
"""


@pytest.fixture
def https(serve_https, bench, certificates):
    bench.environ["GIT_SSL_CAINFO"] = str(certificates)
    return serve_https({FORGE["username"]: PASSWORD})


def protected(https):
    return {
        "repository": https.url(),
        "ref": "main",
        "path": "site.yml",
        "credential": "forge",
    }


def spellings(secret):
    """The ways in which a secret may be written somewhere; of base64 what no neighbours change."""
    raw = secret.encode()
    yield from (raw, quote(secret).encode(), quote_plus(secret).encode())
    for shift in range(3):
        yield base64.b64encode(b"x" * shift + raw)[4 * (shift > 0) : -4]


def told(text, secrets):
    return [secret for secret in secrets if any(each in text for each in spellings(secret))]


def rows(conn):
    """Everything that Postgres has, as text; bytes as themselves."""
    names = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    found = b""
    for name in names:
        for row in conn.execute(f"SELECT * FROM {name['tablename']}").fetchall():
            found += b"\n".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row.values()
            )
    return found


def test_a_run_uses_its_credentials_and_nobody_gets_to_see_them(
    https, sshd, repository, bench, start, tmp_path
):
    key = private_key(form=PrivateFormat.PKCS8, passphrase=PASSPHRASE)
    opened = load_pem_private_key(key.encode(), PASSPHRASE.encode())
    public = opened.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (sshd.folder / "user.pub").write_bytes(public)
    (tmp_path / "secret").write_text(BECOME)
    sudo = tmp_path / "sudo"
    sudo.write_text(SUDO.replace("{secret}", str(tmp_path / "secret")))
    sudo.chmod(0o755)
    repository.commit({"site.yml": PLAYBOOK, "look.py": LOOKING})
    bench.keep("forge", **FORGE)
    bench.keep("secrets", **SECRETS)
    bench.keep("root", kind="become_password", password=BECOME)
    bench.keep(
        "hosts",
        kind="ssh_key",
        private_key=key,
        passphrase=PASSPHRASE,
        known_hosts=sshd.known_hosts,
        username=getpass.getuser(),
    )
    runner = start()

    run = bench.trigger(
        "",
        f"web ansible_host=127.0.0.1 ansible_port={sshd.port}"
        f" ansible_python_interpreter={sys.executable}\n",
        playbook=protected(https),
        credentials=["hosts", "root", "secrets"],
        options={"verbosity": 4},
        environment={"ANSIBLE_BECOME_EXE": str(sudo), "ANSIBLE_BECOME_ALLOW_SAME_USER": "1"},
    )
    final = bench.await_final(run)

    output = bench.output(run)
    assert final.state is RunState.SUCCEEDED, output.decode()
    assert b"became" in output
    assert b"--become-password-file=" in output  # it did look at its own processes
    assert b"CURTAIN_HOST_KEYS=yes" in output  # and at their environment
    as_written = unlock(key, PASSPHRASE)
    secrets = [PASSWORD, BECOME, VAULT, PASSPHRASE, *write(as_written).splitlines()[3:-1]]
    for where in (output, rows(bench.conn), runner.log.read_bytes()):
        assert told(where, secrets) == []
        assert b"PRIVATE KEY" not in where
    assert held(bench, secrets) == []


@pytest.mark.parametrize("password", ["wrong / p@ss%word", " bl4nk / s "])
def test_a_refused_password_is_told_as_such_and_not_told(password, https, bench, start):
    bench.keep("forge", **{**FORGE, "password": password})
    runner = start()

    run = bench.trigger("", playbook=protected(https))
    final = bench.await_final(run)

    assert final.state is RunState.FAILED
    assert "Authentication failed" in final.message
    assert [event.detail["code"] for event in bench.events(run, "refused")] == ["auth_failed"]
    for where in (rows(bench.conn), runner.log.read_bytes(), final.message.encode()):
        assert told(where, [password.strip()]) == []
    assert held(bench, [password]) == []


def test_a_revoked_password_fails_the_next_run_that_asks_for_it(https, repository, bench, start):
    sha = repository.commit({"site.yml": "- hosts: all\n  gather_facts: false\n"})
    bench.keep("forge", **FORGE)
    start()
    first = bench.await_final(bench.trigger("", playbook=protected(https)))
    https.users = {FORGE["username"]: "another"}

    pinned = {**protected(https), "ref": sha}
    cached = bench.await_final(bench.trigger("", playbook=pinned))
    asking = bench.await_final(bench.trigger("", playbook=protected(https)))

    assert first.state is cached.state is RunState.SUCCEEDED
    assert asking.state is RunState.FAILED
    bench.keep("forge", **{**FORGE, "password": "another"})
    assert bench.await_final(bench.trigger("", playbook=protected(https))).state == "succeeded"


def held(bench, secrets):
    """Find the files of the runner that hold one of the secrets."""
    found = []
    for folder, _, names in os.walk(bench.environ["CURTAIN_DATA"]):
        for file in (Path(folder) / name for name in names):
            with contextlib.suppress(FileNotFoundError):  # it goes while we look
                if file.is_file() and told(file.read_bytes(), secrets):
                    found.append(file)
    return found


def end_by(how, bench, run, runner):
    """End a run in one of the ways in which runs end badly."""
    now = bench.find(run)
    match how:
        case "stop":
            bench.stop(run)
        case "leader":
            os.kill(now.leader_pid, signal.SIGKILL)
        case "keeper":
            os.kill(now.keeper_pid, signal.SIGKILL)
        case "runner":
            runner.kill()


#: In their order: one after another on one runner, which is killed with the last.
ENDS = ("stop", "leader", "keeper", "runner")


def test_what_ansible_got_goes_with_the_run_however_that_ends(bench, start, playbook):
    bench.keep("secrets", **SECRETS)
    runner, url = start(), playbook(SLEEPING).url
    for how in ENDS:
        run = bench.trigger(url, credentials=["secrets"])
        bench.await_output(run, b"ready")
        assert [path.parent.name for path in held(bench, [VAULT])] == ["keyring"]

        end_by(how, bench, run, runner)

        await_nothing_held(how, bench, run, start, [VAULT])


def test_what_git_got_goes_with_the_run_however_that_ends(https, bench, start):
    https.answer = lambda handler: https.admits(https.asked[-1]) and silent(handler)
    bench.keep("forge", **FORGE)
    runner = start()
    for how in ENDS:
        https.asked.clear()
        run = bench.trigger("", playbook=protected(https))
        wait_until(lambda: https.credentials)
        assert [path.parents[1].name for path in held(bench, [PASSWORD])] == ["access"]

        end_by(how, bench, run, runner)

        await_nothing_held(how, bench, run, start, [PASSWORD])


def await_nothing_held(how, bench, run, start, secrets):
    """Wait until no file has a secret; of a killed runner that is the next one's work."""
    if how == "runner":
        wait_until(lambda: bench.family(run) == [])
        start(RUNNER_LEASE="6")
    bench.await_final(run)
    if how == "runner":
        directory = Path(bench.find(run).directory)
        os.utime(directory, (0, 0))  # a minute later
    wait_until(lambda: held(bench, secrets) == [])
    assert bench.family(run) == []
