"""What projects of the tests require, and how."""

META = "galaxy_info: {author: ada, description: x, license: MIT, min_ansible_version: '2.19'}\n"
TELL = '- debug: msg="{{ %s | to_json }}"\n'
ROLES = """
- hosts: all
  gather_facts: false
  roles: [web]
"""
COLLECTION = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ lookup('ada.tools.word') | to_json }}"
"""
LOOKUP = """
from ansible.plugins.lookup import LookupBase

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ["a word of the collection"]
"""


def role_files(word):
    return {"meta/main.yml": META, "tasks/main.yml": TELL % f"'{word}'"}


def require(repository, url, version="v1.0", file="requirements.yml"):
    """Have a project require a role at a version."""
    text = f"roles:\n  - src: git+{url}\n    version: {version}\n"
    return repository.commit({file: text})


GALAXY = "namespace: ada\nname: tools\nversion: 1.2.3\nreadme: README.md\nauthors: [ada]\n"
TOOLS = {"galaxy.yml": GALAXY, "README.md": "# Tools\n", "plugins/lookup/word.py": LOOKUP}


def word(ended):
    """The word that the installed role would tell."""
    return ended.output.rpartition("{{ '")[2].partition("'")[0]
