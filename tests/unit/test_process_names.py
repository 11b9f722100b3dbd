"""What processes call themselves, and whether one of a name lives."""

import subprocess
import sys

from runner import linux, machine

SAY = "from runner import machine, linux; linux.read = lambda pid: linux.Stat(7, 'R', *[1] * 5)\n"
SAY += "machine.os.getpid = lambda: 7\nprint(machine.process_name('runner.1'))"


def test_a_process_finds_itself_alive_by_its_name() -> None:
    assert machine.process_is_alive(machine.process_name("web.1"))


def test_a_name_of_another_start_time_is_not_alive() -> None:
    name = machine.process_name("web.1")
    created = linux.read(1)
    assert created is not None

    assert not machine.process_is_alive(name.replace(name.split(".")[3], str(created.created)))


def test_what_is_no_name_is_not_alive() -> None:
    for name in ("", "None", "here.1.2", "a.0.0.00000000", "a.-1.5.00000000"):
        assert not machine.process_is_alive(name)


LOOK = "import os, resource; from runner import machine\n"
LOOK += "name = machine.process_name('web.1')\n"
LOOK += "gone = f'web.1.{2**22 + 1}.5.00000000'\n"  # no kernel gives that number
LOOK += "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
LOOK += "print(machine.process_is_alive(name), machine.process_is_alive(gone))"


def test_nobody_is_dead_because_there_is_no_file_to_be_had() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True)

    assert told.stdout == "True False\n"


def test_overlapping_containers_differ_although_all_they_know_is_the_same() -> None:
    """Same machine name, pid and start time, as an old and a new container may have."""
    names = {
        subprocess.run([sys.executable, "-c", SAY], check=True, capture_output=True).stdout
        for _ in range(2)
    }

    assert len(names) == 2
    assert all(name.startswith(b"runner.1.7.1.") for name in names)
