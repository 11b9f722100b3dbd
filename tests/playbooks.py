"""Playbooks that end, or do not end, in a certain way. {tmp} is a directory of the test."""

HELLO = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="hello"
"""

FAILING = """
- hosts: all
  gather_facts: false
  tasks:
    - command: /bin/false
"""

SYNTAX_ERROR = """
- hosts: all
  tasks:
    - no_such_module_at_all: {}
"""

NOT_YAML = "- hosts: [\n"

SLEEPING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - command: sleep 300
"""

IGNORING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - shell: trap '' TERM INT HUP; while true; do sleep 1; done
"""

POLITE = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - shell: trap 'exit 0' TERM; while true; do sleep 0.1; done
      ignore_errors: true
"""

SETSID = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: setsid sleep 300 >/dev/null 2>&1 &
    - debug: msg="ready"
    - command: sleep 300
"""

DOUBLE_FORK = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: (setsid env -i /bin/sh -c 'sleep 300 & sleep 300' </dev/null >/dev/null 2>&1 &) &
    - debug: msg="ready"
    - command: sleep 300
"""

ASYNC = """
- hosts: all
  gather_facts: false
  tasks:
    - command: sleep 300
      async: 400
      poll: 0
    - debug: msg="ready"
    - command: sleep 300
"""

#: An async job and a daemon, each told by how long it sleeps; then the end.
LEAVING = """
- hosts: all
  gather_facts: false
  tasks:
    - command: sleep 301
      async: 400
      poll: 0
    - shell: setsid sleep 302 >/dev/null 2>&1 &
    - debug: msg="ready"
"""
LEAVING_AND_FAILING = LEAVING + "    - command: /bin/false\n"
LEAVING_AND_SLEEPING = LEAVING + "    - command: sleep 300\n"

#: Whatever escapes in one way or another, and how it is said that it is there.
ESCAPING = {
    "sleeping": SLEEPING,
    "ignoring TERM": IGNORING,
    "trapping TERM, exit 0": POLITE,
    "setsid": SETSID,
    "double fork without environment": DOUBLE_FORK,
    "async": ASYNC,
}

#: A callback of the repository's that writes straight to standard output.
NOISE = """
import os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "noise"

    def v2_playbook_on_start(self, playbook):
        rest = memoryview(NOISE)
        while rest:
            rest = rest[os.write(1, rest):]
"""
CONFIG = "[defaults]\ncallback_plugins = ./plugins\ncallbacks_enabled = noise\n"


def printing(expression: str) -> dict[str, str]:
    """The files that make a playbook print the bytes of a Python expression."""
    return {"ansible.cfg": CONFIG, "plugins/noise.py": NOISE.replace("(NOISE)", f"({expression})")}
