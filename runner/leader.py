"""A run's first process: it prepares what the playbook needs, then becomes ansible-playbook.

    python -P -m runner.leader CONTROL STATUS OUTPUT

starts an idle keeper on three inherited descriptors. All that is slow to import is imported here,
so that the keeper has paid for it before its run comes.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from runner import command, plugin, warm
from runner.checkout import inside, own_disk
from runner.command import Paths
from runner.errors import AnsibleMissing, CheckoutFailed, RunnerError
from runner.git import forget_strays
from runner.keeper import keep
from runner.keyring import write_keyring
from runner.order import Order
from runner.private import write
from runner.project import Project, equip
from runner.sources import Trees, check_out_sources
from runner.variables import variables_document

#: Writes a line of the run's status.
Say = Callable[..., None]

REFUSED: Final = 65  # the exit code EX_DATAERR: nothing of Ansible's was started
NO_COMMAND: Final = 127  # as a shell says it


def main(argv: list[str]) -> int:
    """Wait, idle, for a run and keep it."""
    forget_strays(os.environ)
    control, status, output = map(int, argv)
    return keep(control, status, output, lead)


def lead(where: dict[str, Any], say: Say) -> None:
    """Read the order, prepare, become ansible-playbook. It returns only by leaving the process.

    The order comes in a file, since it may be larger than a pipe takes without a reader.
    """
    try:
        play(read_order(Path(where["file"])), say)
    except RunnerError as error:
        say(event="refused", code=error.code, message=str(error))
        os._exit(NO_COMMAND if isinstance(error, AnsibleMissing) else REFUSED)


def read_order(file: Path) -> Order:
    """Read the order and remove it: the secrets in it are for nobody else."""
    order = cast(Order, json.loads(file.read_text()))
    file.unlink()
    return order


def play(order: Order, say: Say) -> None:
    """Check out, write the files, execute."""
    os.environ.update(order["mark"])  # for git
    trees = check_out_sources(order)
    say(
        event="prepared",
        playbook_sha=trees.playbook.sha,
        inventory_sha=trees.inventory.sha if "repository" in order["inventory"] else None,
    )
    project = inside(trees.playbook, order["playbook"].get("project", "."), "directory")
    directory = Path(order["directory"])
    with own_disk():
        project.chmod(0o700)  # Ansible reads no ansible.cfg where others could write, as by umask 0
        paths = write_files(order, trees)
        flight = write(directory / plugin.FLIGHT, "")
        for name in (plugin.RECAP, plugin.EVENTS, plugin.MODULES):
            write(directory / name, "")
    environment = command.environment(order)
    executable = command.find_ansible(order, environment)
    with own_disk():
        here = Project(order, trees.playbook, project, executable, environment)
        environment = equip(here, say)
        write_keyring(order)
    os.chdir(project)
    arguments = command.arguments(order, paths)
    warm.become(order, executable, arguments, environment, say)
    environment = plugin.loaded(environment, executable, flight, may_leave=order["leave_async"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as a shell would start it
    try:
        os.execve(executable, arguments, environment)
    except FileNotFoundError as error:  # the interpreter its first line names
        raise AnsibleMissing from error
    except OSError as error:  # an environment that is too large, a file that is no program
        raise RunnerError(f"{executable}: {error.strerror}", "not_executable") from error


def write_files(order: Order, trees: Trees) -> Paths:
    """Write what Ansible shall read and nobody else may; find what is in the trees."""
    directory = Path(order["directory"])
    playbook = inside(trees.playbook, order["playbook"]["path"])
    inventory = order["inventory"]
    if "content" in inventory:
        content = inventory["content"]
        hosts = write(directory / command.inventory_name(content), content)
    else:
        hosts = inside(trees.inventory, inventory["path"], "any")
        if "," in str(hosts):  # it would play on no host, and call that a success
            taken = f"Ansible takes {str(hosts)!r} for a list of hosts: it has a comma"
            raise CheckoutFailed(taken, "bad_path")
        if looks_like_a_script(hosts) and not os.access(hosts, os.X_OK):
            # To Ansible its lines are hosts, or nothing; an INI file may begin so, too.
            print(
                f"The inventory {inventory['path']!r} begins with #! and is no executable file, so "
                "it is read as text: make it one by `git update-index --chmod=+x`",
                flush=True,
            )
    document = variables_document(order["vars"], order["accepted"])
    variables = write(directory / "variables.yml", document)
    only = order["only_hosts"]
    limit = write(directory / "hosts", "\n".join(only)) if only else None
    command.control_path(directory).mkdir(0o700)  # exclusive: the fallback is in a public place
    command.temporary_path(directory).mkdir(0o700)
    return Paths(playbook, hosts, variables, limit)


def looks_like_a_script(path: Path) -> bool:
    """Whether a file names an interpreter."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # at once: Python's own end would take 24 ms and more
