"""What people type, as one grammar for every chat. Pure; knows no template and no run."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Verb = Literal[
    "run", "stop", "status", "runs", "rerun", "tail", "approve", "deny", "templates", "help"
]

#: The right form of each, as it is told to whoever gets it wrong.
FORMS: Final[dict[Verb, str]] = {
    "run": "run TEMPLATE key=value … [limit=HOSTS] [tags=a,b] [check] [reason=…]",
    "stop": "stop ID [force] [reason…]",
    "status": "status [ID]",
    "runs": "runs",
    "rerun": "rerun ID [failed] [newest]",
    "tail": "tail ID",
    "approve": "approve ID [reason…]",
    "deny": "deny ID [reason…]",
    "templates": "templates",
    "help": "help",
}
#: What phones make of quotes and of two dashes.
SMART: Final = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u2014": "--"}
)
RUN_ID: Final = re.compile(r"#?(0{0,9}[1-9][0-9]{0,17})")
LONGEST: Final = 4000  # characters
#: What stands alone and means that it is wanted.
FLAGS: Final = frozenset({"check", "diff"})
#: Only some of the options that a template can let a caller override are typed as they are.
LISTS: Final = frozenset({"tags", "skip_tags"})


class Misunderstood(Exception):
    """What was typed is no command; the message says what was wrong and the right form."""

    def __init__(self, fault: str, verb: Verb | None = None) -> None:
        """Tell the form of *verb*, or of all."""
        form = f"Write it as: {FORMS[verb]}" if verb else "Try: help"
        super().__init__(f"{fault}{'' if fault.endswith('?') else '.'} {form}")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A command, understood."""

    verb: Verb
    run_id: int | None = None
    template: str = ""
    #: What was written as key=value, all of it text.
    values: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    #: stop: kill at once.
    force: bool = False
    #: rerun: only on the hosts that failed.
    failed: bool = False
    #: rerun: the template and the commits as they are now.
    newest: bool = False


def understand(text: str) -> Ask:
    """Understand what somebody has typed; nothing is help. Raise Misunderstood."""
    if len(text) > LONGEST:
        raise Misunderstood(f"That is longer than {LONGEST} characters")
    words = split(text)
    if not words:
        return Ask(verb="help")
    verb, rest = words[0].lower().removeprefix("/"), words[1:]
    match verb:
        case "run":
            return _run(rest)
        case "stop":
            return _stop(rest)
        case "rerun":
            return _rerun(rest)
        case "approve" | "deny":
            return _opinion(verb, rest)
        case "status" if not rest:
            return Ask(verb="status")
        case "status" | "tail":
            return Ask(verb=verb, run_id=_only_id(verb, rest))
        case "runs" | "templates" | "help":
            return Ask(verb=verb)
        case _:
            raise Misunderstood(f"I don't know {words[0][:50]!r}")


def split(text: str) -> list[str]:
    """Split at blanks, but not within quotes; shlex takes the apostrophe of `don't` for one.

    A quote begins a word, or its value behind `=`, and has its own kind as its end.
    """
    words: list[str] = []
    for match in WORD.finditer(text.translate(SMART).replace("\0", "")):
        name, double, single, plain = match.group("name", "double", "single", "plain")
        if double is not None:
            value = re.sub(r"\\(.)", r"\1", double, flags=re.DOTALL)
        else:
            value = single if single is not None else plain
        words.append((name or "") + value)
    return words


#: A word: name="…", name='…', "…", '…' or what has no blank in it.
WORD: Final = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*=)?
        (?: "(?P<double>(?:[^"\\]|\\.)*)"(?=\s|$)
          | '(?P<single>[^']*)'(?=\s|$)
          | (?P<plain>\S+) )""",
    re.VERBOSE | re.DOTALL,
)


def _run(words: list[str]) -> Ask:
    if not words:
        raise Misunderstood("Which template?", "run")
    values: dict[str, str] = {}
    for word in words[1:]:
        name, is_given, value = word.removeprefix("--").partition("=")
        if not is_given and name not in FLAGS:
            raise Misunderstood(f"{word[:50]!r} is no key=value", "run")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise Misunderstood(f"{name[:50]!r} is no name of a variable", "run")
        if name in values:
            raise Misunderstood(f"{name} was given more than once", "run")
        values[name] = value if is_given else "true"
    reason = values.pop("reason", None)
    return Ask(verb="run", template=words[0], values=tuple(values.items()), reason=reason)


def _stop(words: list[str]) -> Ask:
    run_id, rest = _id("stop", words)
    force = bool(rest) and rest[0].lower().removeprefix("--") == "force"
    said = " ".join(rest[1:] if force else rest).removeprefix("reason=").strip()
    return Ask(verb="stop", run_id=run_id, force=force, reason=said[:1000] or None)


def _opinion(verb: Literal["approve", "deny"], words: list[str]) -> Ask:
    run_id, rest = _id(verb, words)
    said = " ".join(rest).removeprefix("reason=").strip()
    return Ask(verb=verb, run_id=run_id, reason=said[:1000] or None)


def _rerun(words: list[str]) -> Ask:
    run_id, rest = _id("rerun", words)
    told = {word.lower().removeprefix("--") for word in rest}
    if odd := sorted(told - {"failed", "newest"}):
        raise Misunderstood(f"I don't know {odd[0][:50]!r}", "rerun")
    return Ask(verb="rerun", run_id=run_id, failed="failed" in told, newest="newest" in told)


def _id(verb: Verb, words: list[str]) -> tuple[int, list[str]]:
    if not words:
        raise Misunderstood("Which run?", verb)
    found = RUN_ID.fullmatch(words[0])
    if not found:
        raise Misunderstood(f"{words[0][:50]!r} is no number of a run", verb)
    return int(found[1]), words[1:]


def _only_id(verb: Verb, words: list[str]) -> int:
    run_id, rest = _id(verb, words)
    if rest:
        raise Misunderstood(f"I don't know what {rest[0][:50]!r} is there for", verb)
    return run_id
