"""Ansible's own plugins, loaded ahead of need; each is there from when Ansible wants its file.

Ansible knows the module and the documented options of a plugin by its name, once they are loaded:
what was loaded ahead would stand in front of a project's plugin of the same name. So neither is
left where Ansible finds it. They lie in the loader's cache of modules, which goes by files, and are
known to the rest of Ansible when they are taken from there: where it would have loaded them.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

#: The plugins that nearly every run loads, by kind.
PLUGINS: Final[Mapping[str, tuple[str, ...]]] = {
    "action": ("command", "copy", "debug", "gather_facts", "normal", "set_fact", "template"),
    "become": ("sudo",),
    "cache": ("memory",),
    "callback": ("default",),
    "connection": ("local", "ssh"),
    "inventory": ("advanced_host_list", "auto", "host_list", "ini", "script", "toml", "yaml"),
    "shell": ("sh",),
    "strategy": ("free", "linear"),
    "vars": ("host_group_vars",),
}


@dataclass
class Shelf(dict[str, ModuleType]):
    """A loader's cache of modules by file, with more in it."""

    #: Options that Ansible knows, by kind and name of plugin.
    known: dict[str, dict[str, Any]]
    #: For each file what is to be known when it is used.
    options: dict[str, list[tuple[str, str, Any]]] = field(default_factory=dict)

    def __getitem__(self, path: str) -> ModuleType:
        """Take a module: from now on it is loaded."""
        module = super().__getitem__(path)
        for kind, name, options in self.options.pop(path, ()):
            sys.modules.setdefault(module.__name__, module)
            self.known.setdefault(kind, {}).setdefault(name, options)
        return module


def fill(loaders: Any, known: dict[str, dict[str, Any]], caches: dict[str, Any]) -> None:
    """Load PLUGINS by *loaders*, Ansible's module of that name, and put them on shelves.

    Raise AttributeError or TypeError for an Ansible whose loaders work differently.
    """
    shelves = []
    own = str(Path(loaders.__file__).parent) + os.sep
    for kind, names in PLUGINS.items():
        loader = getattr(loaders, f"{kind}_loader")
        shelf = Shelf(known)
        for name in names:
            found = loader.find_plugin_with_context(name)
            path = found.plugin_resolved_path
            if not path.startswith(own):  # somebody's who takes the place of Ansible's
                continue
            module = loader._load_module_source(
                python_module_name=found._python_module_name, path=path
            )
            loader._load_config_defs(name, module, path)
            options = known.get(kind, {}).pop(name, {})
            dict.__setitem__(shelf, path, module)
            shelf.options[path] = [(kind, name, options)]
        shelves.append((loader, shelf))
    for loader, shelf in shelves:
        for module in shelf.values():
            sys.modules.pop(module.__name__, None)
        loader._clear_caches()
        caches[loader.class_name] = loader._module_cache = shelf
