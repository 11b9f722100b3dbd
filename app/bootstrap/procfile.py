"""The Procfile: which processes there are. The same file tells a platform."""

import re

#: Runs to its end before the others, on platforms in the release phase.
RELEASE = "release"


def parse(text: str) -> dict[str, str]:
    """Return each process' command line by its name, in the order of the file."""
    lines = re.findall(r"^([A-Za-z0-9_-]+):\s*(\S.*)$", text, re.MULTILINE)
    return dict(lines)


def shell(line: str) -> list[str]:
    """Give the command that a platform makes of a Procfile's *line*."""
    return ["/bin/sh", "-c", line]
