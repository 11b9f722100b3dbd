"""Which ansible.cfg Ansible reads in a project, and what it says of where things are looked for.

`ansible-config dump` knows it too, but takes 0.6 s of every run.
"""

import configparser
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

#: What is looked for: the variable, the key in [defaults], Ansible's own places below its home,
#: and those of the machine.
PLACES: Final = (
    ("ANSIBLE_ROLES_PATH", "roles", ("/usr/share/ansible/roles", "/etc/ansible/roles")),
    ("ANSIBLE_COLLECTIONS_PATH", "collections", ("/usr/share/ansible/collections",)),
)
#: What is relative to the file, unless Ansible makes something absolute of it.
EXPANDED: Final = ("/", "~", "$", "{{CWD}}")


@dataclass(frozen=True)
class Config:
    """One ansible.cfg, or none."""

    file: Path | None
    values: configparser.ConfigParser

    def value(self, key: str, section: str = "defaults") -> str | None:
        """What it says of *key*."""
        return self.values.get(section, key, raw=True, fallback=None)

    def paths(self, key: str) -> list[str] | None:
        """What [defaults] lists as *key*: relative paths made absolute as Ansible does."""
        value = self.value(key)
        if value is None or self.file is None:
            return None
        return [
            path if path.startswith(EXPANDED) else os.path.join(self.file.parent, path)
            for path in value.split(os.pathsep)
        ]

    def galaxy(self) -> dict[str, dict[str, str]]:
        """What it says of galaxy servers."""
        return {
            name: dict(self.values.items(name, raw=True))
            for name in self.values.sections()
            if name == "galaxy" or name.startswith("galaxy_server.")
        }


def read_config(environment: Mapping[str, str], project: Path) -> Config:
    """Read the file that Ansible reads when it is started in *project*.

    What cannot be read or understood says nothing: Ansible itself will tell why it cannot go on.
    """
    file = find_config(environment, project)
    values = configparser.ConfigParser(inline_comment_prefixes=(";",))  # as Ansible has it
    if file is not None:
        try:
            values.read_string(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeError, configparser.Error):
            return Config(None, configparser.ConfigParser())
    return Config(file, values)


def find_config(environment: Mapping[str, str], project: Path) -> Path | None:
    """Find the first ansible.cfg: by the environment, in the project, at home, on the machine."""
    candidates = []
    if named := environment.get("ANSIBLE_CONFIG"):
        path = project / expanded(named, environment)
        candidates.append(path / "ansible.cfg" if path.is_dir() else path)
    if not project.stat().st_mode & stat.S_IWOTH:
        candidates.append(project / "ansible.cfg")
    if home := environment.get("HOME"):
        candidates.append(Path(home, ".ansible.cfg"))
    candidates.append(Path("/etc/ansible/ansible.cfg"))
    return next((path for path in candidates if os.access(path, os.R_OK)), None)


def expanded(path: str, environment: Mapping[str, str]) -> str:
    """Write out variables and ~ as they are for Ansible, not for us."""
    path = Template(path).safe_substitute(environment)
    home = environment.get("HOME")
    return home + path[1:] if home and (path == "~" or path.startswith("~/")) else path


def extended(environment: Mapping[str, str], config: Config, more: Path) -> dict[str, str]:
    """Add roles/ and collections/ of *more* to where Ansible looks.

    A variable beats ansible.cfg, so it must repeat what that says. What the template or the
    repository has chosen comes first; what Ansible would look through unasked comes last.
    """
    home = environment.get("ANSIBLE_HOME") or (config.paths("home") or ["~/.ansible"])[0]
    paths = {}
    for variable, kind, shared in PLACES:
        if (more / kind).is_dir():
            chosen = environment.get(variable, "").split(os.pathsep)
            first = config.paths(f"{kind}_path") if chosen == [""] else chosen
            last = () if first else (f"{home}/{kind}", *shared)
            paths[variable] = os.pathsep.join([*(first or ()), str(more / kind), *last])
    return {**environment, **paths}
