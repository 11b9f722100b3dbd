"""Files that only this user can read."""

import os
from pathlib import Path


def write(path: Path, content: str) -> Path:
    """Write a new file that only this user can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(content)
    return path
