"""A run's variables as YAML that Ansible reads without evaluating what a caller gave.

Written here and not by a library because `!unsafe` must stand before each string by itself, and
PyYAML writes neither that nor all characters.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from runner.errors import VariablesRefused

#: Variables as JSON has them.
Variables = Mapping[str, Any]

#: What YAML 1.1 takes for null, a boolean, a number, a date or a sign when it is not quoted.
#: ansible-core >= 2.19 forgets the quotes behind !unsafe: `!unsafe "null"` is null there. None of
#: these can be Jinja, so they need no mark.
TYPED = re.compile(
    r"""(?i: ~ | null | yes | no | true | false | on | off | << | = | ! | & | \*
    | [-+]? \.inf | \.nan | [-+.0-9] [-+.:_0-9a-fx]*
    | \d{4} - \d\d? - \d\d? [t \t] [-+.: \t0-9z]* )?""",
    re.VERBOSE | re.ASCII,
)


def variables_document(trusted: Variables, unsafe: Variables) -> str:
    """Write both as one document of extra variables; of two of one name the unsafe one counts.

    Raise VariablesRefused for what YAML cannot say.
    """
    entries = {name: flow(value, "") for name, value in trusted.items()}
    entries |= {name: flow(value, "!unsafe ") for name, value in unsafe.items()}
    lines = [f"{key(name)}: {value}" for name, value in entries.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def flow(value: object, tag: str) -> str:
    """Write *value* in flow style on one line, with *tag* before each string that needs it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return number(value)
        case str():
            return quoted(value) if TYPED.fullmatch(value) else tag + quoted(value)
        case list():
            return f"[{', '.join(flow(item, tag) for item in value)}]"
        case dict():
            pairs = (f"{key(name)}: {flow(item, tag)}" for name, item in value.items())
            return f"{{{', '.join(pairs)}}}"
    raise VariablesRefused(f"a variable is a {type(value).__name__}: only JSON's types can be used")


def key(name: str) -> str:
    """Write a mapping's key. YAML looks no further than 1,024 characters for a colon."""
    text = quoted(name)
    return text if len(text) < 1000 else f"? {text} "


def number(value: float) -> str:
    """Write a float with a point: 1e+16 is a string in YAML 1.1."""
    if not math.isfinite(value):
        raise VariablesRefused(f"a variable is {value}: use a finite number")
    mantissa, exponent, power = repr(value).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + exponent + power


def quoted(text: str) -> str:
    """Write a string in double quotes and in ASCII, so that no reader finds a line break in it."""
    return '"' + re.sub(r'[^ -~]|["\\]', escape, text) + '"'


def escape(character: re.Match[str]) -> str:
    """Write one character as YAML's escape. Raise VariablesRefused for half a surrogate pair."""
    code = ord(character[0])
    if 0xD800 <= code <= 0xDFFF:
        raise VariablesRefused(f"a variable holds U+{code:04X}, half a character")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
