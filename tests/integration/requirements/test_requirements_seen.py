"""What ansible-galaxy sees of a run, and who sees a credential."""

from pathlib import Path

from tests.leading import (
    PROGRAMS,
    again,
    message,
    run,
)
from tests.requiring import require

SPY = """#!/bin/sh
env > {tmp}/seen
exec {galaxy} "$@"
"""


def test_ansible_galaxy_sees_the_way_there_and_nothing_of_the_playbook(
    order, repository, role, tmp_path
):
    require(repository, role.url)
    repository.commit({"ansible.cfg": "[galaxy]\nserver_timeout = 7\n"})
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ansible-playbook").symlink_to(PROGRAMS / "ansible-playbook")
    spy = programs / "ansible-galaxy"
    spy.write_text(SPY.format(tmp=tmp_path, galaxy=PROGRAMS / "ansible-galaxy"))
    spy.chmod(0o755)
    own = {
        "ANSIBLE_GALAXY_SERVER": "https://galaxy.example",
        "ANSIBLE_BECOME_PASSWORD": "hunter2",
        "no_proxy": "example",
        "DB_PASSWORD": "hunter2",
    }
    base = order["base_environment"] | {"AWS_SECRET_ACCESS_KEY": "hunter2"}
    playbook = str(programs / "ansible-playbook")

    ended = run(
        order | {"environment": own, "base_environment": base, "ansible_playbook": playbook}
    )

    assert message(ended) == "one"
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert "hunter2" not in str(seen)
    assert seen["ANSIBLE_GALAXY_SERVER"] == "https://galaxy.example"
    assert seen["ANSIBLE_CONFIG"] == f"{order['directory']}/project/ansible.cfg"
    assert (seen["no_proxy"], seen["GIT_ALLOW_PROTOCOL"]) == ("example", "file")
    assert seen["GIT_CONFIG_GLOBAL"].endswith("runner/gitconfig")
    assert Path(seen["HOME"]).is_relative_to(order["directory"])
    assert seen["CURTAIN_RUN"] == "12"


TOKEN = {
    "name": "forge",
    "scope": "forge",
    "kind": "git_https",
    "username": "ada",
    "password": "hunter2",
    "host": None,
}


def test_what_opens_the_playbooks_repository_opens_what_it_requires(
    order, repository, role, serve_https, certificates
):
    """On the same server; nobody else is shown it, and nobody without it gets what it opened."""
    https, stranger = serve_https({"ada": "hunter2"}), serve_https({"ada": "hunter2"})
    require(repository, https.url("web"))
    source = order["playbook"] | {"repository": https.url()}
    opened = order | {"protocols": ["https"], "playbook": source}
    ours = {"access": {"playbook": TOKEN, "inventory": None}}

    assert message(run(opened | ours, GIT_SSL_CAINFO=str(certificates))) == "one"

    https.users = None
    without = run(again(opened), GIT_SSL_CAINFO=str(certificates))
    assert without.events["installed"]["source"] == "galaxy"

    require(repository, stranger.url("web"))
    refused = run(again(opened | ours, 3), GIT_SSL_CAINFO=str(certificates))
    assert "the credential is for" in refused.events["refused"]["message"]
    only = f"credential 'forge' is for https://{https.host} only"
    assert refused.events["refused"]["message"].endswith(only)
    assert "hunter2" not in str(refused)
    assert stranger.credentials == set()


def test_a_repository_cannot_have_its_credential_told_to_an_unproved_server(
    order, repository, role, serve_https, certificates
):
    """Its ansible.cfg may want no certificates looked at; the token is not its own to risk."""
    https = serve_https({"ada": "hunter2"})
    require(repository, https.url("web"))
    sha = repository.commit({"ansible.cfg": "[galaxy]\nignore_certs = true\n"})
    source = order["playbook"] | {"repository": https.url()}
    access = {"playbook": TOKEN, "inventory": None}
    pinned = {"playbook": sha, "inventory": None}
    opened = order | {
        "protocols": ["https"], "playbook": source, "access": access, "pinned": pinned
    }  # fmt: skip
    run(opened | {"requirements": False}, GIT_SSL_CAINFO=str(certificates))  # the tree is here now
    https.asked.clear()

    refused = run(again(opened))  # and the server's certificate is nobody's

    assert "certificate" in refused.events["refused"]["message"]
    assert https.credentials == set()
