"""With our callback plugin ansible-playbook is, to its user, what it is without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.flight import may_continue_on
from runner.plugin import EVENTS, FLIGHT, RECAP, SITE, loaded

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
HELLO = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=hello
    - command: echo {{ item }}
      loop: [1, 2]
      notify: tell
    - command: /bin/false
      ignore_errors: true
    - block: [{fail: msg=no}]
      rescue: [{debug: msg=rescued}]
    - include_tasks: more.yml
  handlers:
    - name: tell
      debug: msg=told
"""
#: What a playbook could see of us: environment, arguments and the modules' search path.
LOOKING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ lookup('env', 'PYTHONPATH') }}, {{ lookup('env', 'CURTAIN_FLIGHT') }}"
    - debug: msg="{{ lookup('pipe', 'env | sort | grep -v ^_=') }}"
    - debug: msg="{{ lookup('pipe', 'tr \\\\0 - < /proc/$PPID/cmdline') }}"
    - debug: msg="{{ lookup('seen') }}"
    - command: env
      register: module
    - debug: msg="{{ module.stdout_lines | reject('match', '_=') | sort }}"
"""
SEEN = """
import sys
from ansible.plugins.lookup import LookupBase

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [[sys.argv, sys.path, sys.flags.safe_path, "sitecustomize" in sys.modules,
                 [type(finder).__name__ for finder in sys.meta_path]]]
"""
CALLBACK = """
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_TYPE = "{kind}"
    CALLBACK_NAME = "{name}"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        print("{name}", result._host.get_name(), result._task.get_name())
"""
THEIRS = {
    "ansible.cfg": "[defaults]\ncallback_plugins = ./mine\ncallbacks_enabled = second, timer\n"
    "stdout_callback = first\n",
    "mine/first.py": CALLBACK.format(kind="stdout", name="first"),
    "mine/second.py": CALLBACK.format(kind="notification", name="second"),
}
STDOUT = "[defaults]\nstdout_callback = %s\n"
#: On as soon as it is found, as ours is.
THIRD = CALLBACK.format(kind="notification", name="third").replace("= True", "= False")
PROJECTS = {
    "plain": ({"site.yml": HELLO}, ()),
    "as verbose as a template may ask for": (
        {"site.yml": "- hosts: all\n  gather_facts: false\n  tasks: [{debug: msg=hello}]\n"},
        ("-vvvv",),
    ),
    "their callbacks": ({"site.yml": HELLO, **THEIRS}, ()),
    "minimal": ({"site.yml": HELLO, "ansible.cfg": STDOUT % "minimal"}, ("--diff",)),
    "a line each": ({"site.yml": HELLO, "ansible.cfg": STDOUT % "oneline"}, ("-v",)),
    "callbacks by environment": (
        {"site.yml": HELLO, "named/third.py": CALLBACK.format(kind="notification", name="third")},
        (),
    ),
    "callbacks beside the playbook": (
        {"site.yml": HELLO, "callback_plugins/third.py": THIRD},
        (),
    ),
    "looking around": ({"site.yml": LOOKING, "lookup_plugins/seen.py": SEEN}, ()),
    "a sitecustomize of their own": (
        {
            "site.yml": LOOKING,
            "lookup_plugins/seen.py": SEEN,
            "path/sitecustomize.py": "print('theirs')\n",
        },
        (),
    ),
    "no task": ({"site.yml": "- hosts: all\n  tasks:\n    - no_such_thing: {}\n"}, ()),
    "no YAML": ({"site.yml": "- hosts: [\n"}, ()),
    "no playbook": ({}, ()),
    "a broken configuration": ({"site.yml": HELLO, "ansible.cfg": "[defaults]\nforks = x\n"}, ()),
    "no configuration at all": ({"site.yml": HELLO, "ansible.cfg": "forks\n"}, ()),
    "an option that there is not": ({"site.yml": HELLO}, ("--nothing",)),
    "a strategy": ({"site.yml": HELLO.replace("  tasks", "  strategy: free\n  tasks", 1)}, ()),
    "a failure": ({"site.yml": "- hosts: all\n  tasks: [{fail: msg=no}]\n"}, ()),
    "a module of ansible's that is broken": (
        {"site.yml": HELLO, "path/ansible/__init__.py": "raise RuntimeError('broken')\n"},
        (),
    ),
}


@pytest.fixture
def project(tmp_path):
    """Write a project; how it is played."""

    def make(files, *options):
        for name, content in {"more.yml": "- debug: msg=more\n", **files}.items():
            file = tmp_path / "project" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        if any(name.startswith("path/") for name in files):
            environment["PYTHONPATH"] = str(tmp_path / "project" / "path")
        if any(name.startswith("named/") for name in files):
            environment["ANSIBLE_CALLBACK_PLUGINS"] = str(tmp_path / "project" / "named")
            environment["ANSIBLE_CALLBACKS_ENABLED"] = "third"
        arguments = [PROGRAM, "-i", "localhost,", "-c", "local", *options, "site.yml"]

        def play(environ):
            done = subprocess.run(
                arguments,
                env={**environment, **environ(environment)},
                cwd=tmp_path / "project",
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
            )
            return done.returncode, done.stdout, done.stderr

        return play

    return make


@pytest.fixture
def flight(tmp_path):
    """The file that a leader would have made, as those beside it."""
    for name in (FLIGHT, RECAP, EVENTS):
        (tmp_path / name).touch()
    return tmp_path / FLIGHT


@pytest.mark.parametrize("name", list(PROJECTS))
def test_it_changes_nothing_that_can_be_seen(project, flight, name):
    files, options = PROJECTS[name]
    play = project(files, *options)

    without = play(lambda _: {})
    with_it = play(lambda environment: loaded(environment, PROGRAM, flight))

    assert with_it == without
    told = [json.loads(line) for line in (flight.parent / EVENTS).read_text().splitlines()]
    is_playing = bool(told)
    assert is_playing == (without[0] in (0, 2) and bool(without[1]))
    assert not is_playing or told[-1]["event"] == "stats"
    assert may_continue_on(str(flight.parent)) == ([] if is_playing else None)


def test_a_file_that_takes_no_lines_leaves_the_run_alone(project):
    play = project({"site.yml": HELLO})

    without = play(lambda _: {})

    for file in map(Path, ("/nonexistent/flight", "/dev/full", "/")):
        with_it = play(lambda environment, file=file: loaded(environment, PROGRAM, file))
        assert with_it == without, file


@pytest.mark.parametrize(
    ("head", "hears"),
    [
        ("#!/venv/bin/python3\n", True),
        ("#!/venv/bin/python3.12 -sP\n", True),
        ("#! /usr/bin/env python3\n", True),
        ("#!/usr/bin/env -S python3 -s\n", True),
        ("#!/bin/sh\n'''exec' \"/a venv/bin/python3\" \"$0\" \"$@\"\n' '''\n", True),  # pip's
        ("#!/usr/bin/python3 -I\n", False),  # it ignores PYTHONPATH, its children would not
        ("#!/usr/bin/python3 -sE\n", False),
        ("#!/usr/bin/python3 -S\n", False),
        ("#!/bin/sh\nexec ansible-playbook\n", False),
        ("#!/bin/bash\n'''exec' python3\n", False),
        ("#!\n", False),
        ("", False),
        ("\x7fELF", False),
    ],
)
def test_only_a_script_of_a_python_that_hears_us_is_told(tmp_path, head, hears):
    program = tmp_path / "ansible-playbook"
    program.write_text(head)

    environment = loaded({"PYTHONPATH": "/theirs"}, str(program), Path("/r/flight"))

    told = {
        "PYTHONPATH": f"{SITE}:/theirs",
        "CURTAIN_FLIGHT": "/r/flight",
        "CURTAIN_MODULES": "/r/modules.txt",
    }
    assert environment == (told if hears else {"PYTHONPATH": "/theirs"})


def test_a_program_that_is_not_there_is_for_others_to_report():
    assert loaded({}, "/nonexistent", Path("/r/flight")) == {}
