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

#: Whatever escapes in one way or another, and how it is said that it is there.
ESCAPING = {
    "sleeping": SLEEPING,
    "ignoring TERM": IGNORING,
    "trapping TERM, exit 0": POLITE,
    "setsid": SETSID,
    "double fork without environment": DOUBLE_FORK,
    "async": ASYNC,
}
