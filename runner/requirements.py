"""What a project requires: its requirements.yml files, and whether they always mean the same.

YAML is read by ansible-galaxy only: here lines are looked at, and what is not plainly pinned is
taken for what may mean something else tomorrow.
"""

import re
from pathlib import Path
from typing import Final

from runner.checkout import Tree, inside

#: Where people put them. Each may name roles and collections.
NAMES: Final = tuple(
    f"{directory}requirements.{suffix}"
    for directory in ("", "roles/", "collections/")
    for suffix in ("yml", "yaml")
)

COMMENT: Final = re.compile(r"(^|\s)#.*")
ITEM: Final = re.compile(r"^\s*- +\S", re.MULTILINE)
#: A version that nobody moves: of numbers with a dot, or a whole commit.
EXACT: Final = (
    r"['\"]?(?:==)?(v?\d+(\.\d+)+([-+.][0-9A-Za-z.+-]*)?|[0-9a-f]{40}|[0-9a-f]{64})['\"]?"
)
#: `version: 1.2.3`, the role `name,1.2.3` and the collection `name:1.2.3`.
PINNED: Final = re.compile(
    rf"(\bversion\s*:\s+{EXACT}|^\s*-\s+[^\s,{{]+,{EXACT}|^\s*-\s+[\w.]+:{EXACT})\s*([,}}]|$)",
    re.MULTILINE,
)
#: Ranges; lists in brackets, aliases, other files: their items cannot be counted by lines.
INTRICATE: Final = re.compile(r"[\[\]&*|<>!]|^(---|\.\.\.)[ \t]*\S|\binclude\b", re.MULTILINE)


def find(tree: Tree, project: Path) -> list[Path]:
    """Find the requirements of *project*. Raise CheckoutFailed for one that leads out of *tree*."""
    there = [project / name for name in NAMES if (project / name).exists()]
    return [inside(tree, str(path.relative_to(tree.root))) for path in there]


def are_pinned(text: str) -> bool:
    """Whether each role and collection has an exact version. Their own dependencies may not."""
    plain = "\n".join(COMMENT.sub("", line).rstrip() for line in text.splitlines())
    if INTRICATE.search(plain):
        return False
    return len(ITEM.findall(plain)) == len(PINNED.findall(plain))


def name_files(text: str, project: Path) -> bool:
    """Whether they name something in the project, of which the text does not tell what is in it."""
    words = {word.strip("'\"") for word in re.split(r"[\s,{}\[\]]+", text)}
    return any(word.startswith(("./", "../")) or _exists(project, word) for word in words)


def _exists(project: Path, word: str) -> bool:
    if not word or word.startswith("/"):
        return False
    try:
        return (project / word).exists()
    except OSError:  # too long for a name
        return False
