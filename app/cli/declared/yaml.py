"""YAML as it is meant: 1.2's words (`on` and `yes` are texts), no key twice, every value's line."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from app.cli.errors import CliError

MOST_LINES = 400_000  # of values and keys of a document: nine lines of aliases make a billion

#: A value's way from the top of its document: keys, and numbers of items.
Way = tuple[str | int, ...]


class Unreadable(CliError):
    """It is no YAML, or none that says one thing only."""

    title = "Unreadable"


class Loader(yaml.SafeLoader):
    """SafeLoader with the core schema of YAML 1.2, and without what JSON has no word for."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as yaml declares it


#: What a bare word means, by the first character that it may have. YAML 1.1, which SafeLoader
#: reads, makes true of `on` (a key of notifications) and 1,000 seconds of `16:40`.
for tag, form, firsts in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{form})\\Z"), list(firsts)
    )


def _integer(_: Loader, node: ScalarNode) -> int:
    text = str(node.value)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _no_json(loader: Loader, node: Node) -> None:
    loader.construct_undefined(node)


Loader.add_constructor("tag:yaml.org,2002:int", _integer)
for tag in ("binary", "timestamp", "omap", "pairs", "set"):
    Loader.add_constructor(f"tag:yaml.org,2002:{tag}", _no_json)


class Document:
    """One document of a file, with the line of each of its values."""

    def __init__(self, file: str, value: Any, lines: dict[Way, int]) -> None:
        self.file = file
        self.value = value
        self._lines = lines

    def place(self, way: Way) -> str:
        """File and line of a value, or of the nearest one around it that is there."""
        while way and way not in self._lines:
            way = way[:-1]
        return f"{self.file}:{self._lines.get(way, 1)}"


def load_plain(text: str, file: str) -> Any:
    """The one value of a text; an empty mapping if there is none. Raise Unreadable."""
    documents = load(text, file)
    if len(documents) > 1:
        raise Unreadable(f"{file}: one document is expected, not {len(documents)}")
    return documents[0].value if documents else {}


def load(text: str, file: str) -> list[Document]:
    """Read all documents of a text. Raise Unreadable with file and line."""
    loader = Loader(text)
    try:
        documents = []
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # there is one: check_node
            lines = list(islice(_lines(node, (), file, frozenset()), MOST_LINES + 1))
            if len(lines) > MOST_LINES:
                raise Unreadable(f"{file}: too large, with its aliases written out")
            documents.append(Document(file, loader.construct_document(node), dict(lines)))
        return [each for each in documents if each.value is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Unreadable(f"{file}:{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"{file}: {error}") from None
    finally:
        loader.dispose()


def _lines(node: Node, way: Way, file: str, above: frozenset[int]) -> Iterator[tuple[Way, int]]:
    """Walk a tree. Raise Unreadable for a key that is there twice, or a value within itself."""
    line = node.start_mark.line + 1
    yield way, line
    if id(node) in above:
        raise Unreadable(f"{file}:{line}: holds itself")
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield from _lines(item, (*way, number), file, above | {id(node)})
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            here = key.start_mark.line + 1
            if name in seen and name != "<<":
                raise Unreadable(f"{file}:{here}: {name!r} is there twice")
            seen.add(name)
            yield from _lines(value, (*way, name), file, above | {id(node)})
            yield (*way, name), here  # the key's line tells more than that of a block behind it


class Dumper(yaml.SafeDumper):
    """Writes what Loader reads: texts of many lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        return True


def _text(dumper: Dumper, text: str) -> ScalarNode:
    is_block = "\n" in text and not re.search(r"[^\n\x20-\x7e\xa0-\ud7ff]| \n", text)
    style = "|" if is_block else None
    # A bare word that YAML 1.1 would take for something else, as `on`, is quoted: it harms nobody.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)
Dumper.add_multi_representer(dict, Dumper.represent_dict)  # a server's objects: app.cli.told


def dump(value: Any, *, is_sorted: bool = False) -> str:
    """Write *value*, keys in their order, or sorted."""
    text: str = yaml.dump(
        value,
        Dumper=Dumper,
        sort_keys=is_sorted,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )
    return text
