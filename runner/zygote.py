"""A process that has loaded Ansible for one recipe, and forks a keeper for each run of it.

    python -m runner.zygote SOCKET

in the directory and with the environment of a run, but that all of it is below a directory that no
run has. Whatever comes of such a keeper and its leader, they are what `python -m runner.leader` is
(see there), until the leader has prepared its run: if the recipe is still the same, it becomes
ansible-playbook by itself and not by exec.
"""

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from setproctitle import getproctitle, setproctitle

from runner import linux, recipe, warm
from runner.errors import RunnerError
from runner.image import Image
from runner.warm import Loaded

DESCRIPTORS = 3  # of a keeper: control, status, output
FIRST = 2**20  # bytes of the first message at most


def main(argv: list[str]) -> int:
    """Load, say so, and fork at each request until the runner is gone."""
    del sys.path[0]  # the working directory, which `-m` has put there
    getproctitle()  # it finds the title's place by the environment as it is now
    linux.die_with_parent(os.getppid())  # also where it hangs
    here = socket.socket(fileno=int(argv[0]))
    here.set_inheritable(False)
    told = json.loads(here.recv(FIRST))
    root = told["root"]
    try:
        loaded = Loaded(Image(root), recipe.read(told["recipe"]))
    except Exception as error:
        why = str(error) if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
        here.send(json.dumps({"unfit": why}).encode())
        return 1
    from runner import leader  # not before: Ansible is not to find what this imports

    warm.loaded = loaded
    os.environ.clear()
    os.environ.update(told["environment"])
    loaded.image.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the runner's to answer
    here.send(json.dumps({"ready": os.getpid()}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(here, 1, DESCRIPTORS)
        if not message:
            return 0
        born = _fork_apart()
        if born == 0:
            here.close()
            _be_keeper([str(each) for each in descriptors], leader.main)
        for each in descriptors:
            os.close(each)
        here.send(json.dumps({"keeper": born}).encode())


def _be_keeper(theirs: list[str], keep: Callable[[list[str]], int]) -> NoReturn:
    """Be what `python -m runner.leader` is, and leave nothing to the zygote's own end."""
    code = 1
    try:
        os.setpgid(0, 0)
        setproctitle(f"{sys.executable} -P -m runner.leader {' '.join(theirs)}")
        code = keep(theirs)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _fork_apart() -> int:
    """Fork a process whose parent is our runner, which adopts orphans; return 0 in it."""
    told, teller = os.pipe()
    between = os.fork()
    if between == 0:
        born = os.fork()
        if born:
            os.write(teller, str(born).encode())
            os._exit(0)
        os.close(told)
        os.close(teller)
        return 0
    os.close(teller)
    os.waitpid(between, 0)
    number = os.read(told, 32)
    os.close(told)
    return int(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
