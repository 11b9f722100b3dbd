"""What ansible-playbook gets of its credentials: files, arguments that name them, an environment.

The files are the run's own and go with its directory. Their contents are in no argument and no
environment. Arguments go over ansible.cfg and the template's environment, and the inventory's
variables over those: that is Ansible's own order.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner import host_keys
from runner.order import Credential, Order
from runner.private import write

#: The option that names the file of a password.
PASSWORD_OPTIONS: Final = {
    "become_password": "become-password-file",
    "login_password": "connection-password-file",
    "vault_password": "vault-id",
}
PROGRAMS: Final = Path(__file__).parent / "ansible" / "programs"


@dataclass(frozen=True)
class Keyring:
    """What the credentials of one run come to."""

    #: Contents by path; all of them in `directory`.
    files: dict[Path, str] = field(repr=False)
    arguments: list[str]
    environment: dict[str, str]


def keyring(order: Order) -> Keyring:
    """Tell what ansible-playbook needs for the credentials of *order*."""
    each = [part(order, number, one) for number, one in enumerate(order["credentials"])]
    users = [one["username"] for one in order["credentials"] if one.get("username")]
    return Keyring(
        {path: content for one in each for path, content in one.files.items()},
        [
            *(argument for one in each for argument in one.arguments),
            *(f"--user={user}" for user in users[:1]),
        ],
        {name: value for one in each for name, value in one.environment.items()},
    )


def write_keyring(order: Order) -> None:
    """Write the files; nobody but this user may read them."""
    files = keyring(order).files
    if files:
        directory(order).mkdir(0o700)
    for path, content in files.items():
        write(path, content)
    if any(not host_keys.is_strict(one) for one in keys(order)):
        host_keys.accepted_keys(order["cache"]).mkdir(0o700, parents=True, exist_ok=True)


def directory(order: Order) -> Path:
    """Where the files are."""
    return Path(order["directory"]) / "keyring"


def keys(order: Order) -> list[Credential]:
    """List the private keys."""
    return [one for one in order["credentials"] if one["kind"] == "ssh_key"]


def part(order: Order, number: int, credential: Credential) -> Keyring:
    """Tell what one credential needs; *number* tells its files from another's."""
    file = directory(order) / f"{credential['kind']}-{number}"
    if credential["kind"] == "ssh_key":
        return private_key(order, file, credential)
    path = f"{credential['vault_id']}@{file}" if credential["kind"] == "vault_password" else file
    option = PASSWORD_OPTIONS[credential["kind"]]
    return Keyring({file: credential["password"]}, [f"--{option}={path}"], {})


def private_key(order: Order, file: Path, credential: Credential) -> Keyring:
    """Have ssh use the key alone, and believe its known hosts if it says anything of hosts."""
    files = {file: credential["private_key"]}
    environment = {
        f"ANSIBLE_{program.upper()}_EXECUTABLE": str(PROGRAMS / program)
        for program in ("ssh", "sftp", "scp")
    }
    given = file.with_name(f"{file.name}.known_hosts")
    if known_hosts := credential["known_hosts"]:
        files[given] = known_hosts
    if known_hosts or not host_keys.is_strict(credential):  # else hosts are known as they ever were
        accepted = host_keys.accepted_keys(order["cache"])
        options = host_keys.options(credential, given, accepted)
        environment["CURTAIN_KNOWN_HOSTS"] = options["UserKnownHostsFile"]
        environment["CURTAIN_HOST_KEYS"] = options["StrictHostKeyChecking"]
    return Keyring(files, [f"--private-key={file}"], environment)
