"""The files of `curtain apply`: all are read and checked before anything is sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.cli.declared.objects import KINDS, Declared, Key, Kind, checked
from app.cli.declared.references import Resolver, names_of_references
from app.cli.declared.yaml import Document, Unreadable, Way, load
from app.cli.errors import CliError, WrongUsage
from runner.template import NAME

ENDINGS = (".yml", ".yaml")


class Unfit(CliError):
    """Files declare what cannot be."""

    title = "Unfit"

    def __init__(self, faults: Sequence[tuple[str, str, str]]) -> None:
        """Name each fault: file and line, field, what is wrong."""
        super().__init__("\n".join(f"{place}: {field}: {words}" for place, field, words in faults))
        self.faults = faults

    def problem(self) -> dict[str, Any]:
        """Write each fault for programs."""
        errors = [
            {"place": place, "field": field, "message": words}
            for place, field, words in self.faults
        ]
        return {**super().problem(), "errors": errors}


@dataclass
class Reading:
    """What the files declare, and what is wrong with them."""

    environ: Mapping[str, str]
    objects: dict[Key, Declared] = field(default_factory=dict)
    #: The documents of the objects, for the lines of their fields.
    documents: dict[Key, Document] = field(default_factory=dict)
    #: The kinds that are declared, be it that there are none.
    kinds: set[Kind] = field(default_factory=set)
    faults: list[tuple[str, str, str]] = field(default_factory=list)

    def note(self, document: Document, way: Way, words: str) -> None:
        """Note that something is wrong."""
        self.faults.append((document.place(way), ".".join(map(str, way)) or "file", words))

    def take(self, document: Document, folder: Path) -> None:
        """Take all that a document declares."""
        if not isinstance(document.value, dict):
            self.note(document, (), f"must be a mapping of {', '.join(KINDS)}")
            return
        for kind in document.value:
            if kind not in KINDS:
                self.note(document, (str(kind),), f"is not known here: {', '.join(KINDS)}")
        for kind in KINDS:
            if kind in document.value:
                self.kinds.add(kind)
                self._take_kind(document, folder, kind)

    def _take_kind(self, document: Document, folder: Path, kind: Kind) -> None:
        bodies = document.value[kind]
        if bodies is None:
            return
        if not isinstance(bodies, dict):
            self.note(document, (kind,), "must be a mapping of names")
            return
        for name, body in bodies.items():
            if not isinstance(name, str) or not NAME.fullmatch(name):
                self.note(document, (kind, str(name)), f"a name must match {NAME.pattern}")
            elif (kind, name) in self.objects:
                first = self.objects[kind, name].place
                self.note(document, (kind, name), f"is declared at {first} too")
            else:
                self._take_object(document, folder, kind, name, body)

    def _take_object(
        self, document: Document, folder: Path, kind: Kind, name: str, body: Any
    ) -> None:
        resolver = Resolver(self.environ, folder)
        referenced = names_of_references(body) if kind == "schedules" else frozenset()
        whole = body if kind == "templates" else resolver.resolve(body, referenced)
        declared, faults = (
            (None, []) if resolver.faults else checked(kind, name, whole, document, referenced)
        )
        for way, words in [*resolver.faults, *faults]:
            self.note(document, (kind, name, *way), words)
        if declared is not None:
            self.objects[kind, name] = declared
            self.documents[kind, name] = document


def read(paths: Sequence[str], environ: Mapping[str, str]) -> Reading:
    """Read files and directories. Raise Unfit naming all that is wrong, or Unreadable."""
    reading = Reading(environ)
    for file in dict.fromkeys(file for path in paths for file in _files(Path(path))):
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Unreadable(f"{file}: {error}") from None
        for document in load(text, str(file)):
            reading.take(document, file.parent)
    if reading.faults:
        raise Unfit(reading.faults)
    return reading


def _files(path: Path) -> Iterator[Path]:
    """The file itself; of a directory all YAML below it, but nothing hidden."""
    if not path.is_dir():
        if not path.exists():
            raise WrongUsage(f"{path} is not there")
        yield path
        return
    found = sorted(
        each
        for each in path.rglob("*")
        if each.suffix in ENDINGS
        and each.is_file()
        and not any(part.startswith(".") for part in each.relative_to(path).parts)
    )
    if not found:
        raise WrongUsage(f"{path} has no file that ends in {' or '.join(ENDINGS)}")
    yield from found
