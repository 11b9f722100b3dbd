"""Which credential is of use where."""

import pytest

from runner.uses import Known, faults, names

NAMED = {
    "git": Known("git_https"),
    "hub": Known("git_https", host="git.example:8443"),
    "key": Known("ssh_key"),
    "key2": Known("ssh_key"),
    "shy": Known("ssh_key", knows_hosts=False),
    "root": Known("become_password"),
    "login": Known("login_password"),
    "vault": Known("vault_password", vault_id="default"),
    "vault2": Known("vault_password", vault_id="default"),
    "prod": Known("vault_password", vault_id="prod"),
}


def spec(url="https://git.example/x.git", credential=None, inventory=None, credentials=()):
    return {
        "playbook": {"repository": url, "credential": credential},
        "inventory": inventory or {"content": "web1"},
        "credentials": list(credentials),
    }


@pytest.mark.parametrize(
    ("url", "credential", "message"),
    [
        ("https://git.example/x.git", None, None),
        ("https://git.example/x.git", "git", None),
        ("https://git.example:8443/x.git", "hub", None),
        ("https://GIT.example:8443/x.git", "hub", None),
        ("https://git.example/x.git", "hub", "is for git.example:8443"),  # another port
        ("https://evil.example:8443/x.git", "hub", "is for git.example:8443"),
        (
            "https://git.example/x.git",
            "key",
            "'key' is of kind ssh_key: https:// repositories take git_https",
        ),
        ("ssh://git@git.example/x.git", "key", None),
        ("ssh://git@git.example/x.git", "git", "ssh:// repositories take ssh_key"),
        ("ssh://git@git.example/x.git", "root", "ssh:// repositories take ssh_key"),
        (
            "ssh://git@git.example:22/x.git",
            "shy",
            "'shy' has no known_hosts to tell git.example:22",
        ),
        ("file:///srv/x.git", "key", "file:// repositories take none"),
        ("https://git.example/x.git", "nope", "there is no credential 'nope'"),
    ],
)
def test_a_repository_is_opened_by_what_fits_its_url(url, credential, message):
    found = faults(spec(url, credential), NAMED)

    if message is None:
        assert found == []
    else:
        [(field, told)] = found
        assert field == "playbook.credential"
        assert message in told


def test_an_inventorys_repository_has_a_credential_of_its_own():
    inventory = {"repository": "ssh://git@git.example/inv.git", "credential": "git"}

    [(field, _)] = faults(spec(credential="git", inventory=inventory), NAMED)

    assert field == "inventory.credential"


@pytest.mark.parametrize(
    ("credentials", "fault"),
    [
        (["key", "root", "login", "vault", "prod"], None),  # one of each, and two vault ids
        (["shy"], None),  # ansible.cfg or the machine may know the hosts
        (["key", "key2"], ("credentials.1", "a second ssh_key")),
        (["vault", "prod", "vault2"], ("credentials.2", "with the vault id 'default'")),
        (["key", "key"], ("credentials.1", "a second ssh_key")),
        (["git"], ("credentials.0", "'git' is of kind git_https: ansible takes ssh_key")),
        (["root", "nope"], ("credentials.1", "there is no credential 'nope'")),
    ],
)
def test_ansible_is_given_what_it_can_tell_apart(credentials, fault):
    found = faults(spec(credentials=credentials), NAMED)

    if fault is None:
        assert found == []
    else:
        [(field, told)] = found
        assert field == fault[0]
        assert fault[1] in told


def test_what_opens_a_repository_may_be_for_ansible_too():
    both = spec("ssh://git@git.example/x.git", "key", credentials=["key"])

    assert faults(both, NAMED) == []
    assert names(both) == ["key"]
