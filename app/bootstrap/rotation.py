"""`python3 -m app rotate`: another key for the secrets that `up` keeps, without losing one.

A key is used only after `up` has read it, so it takes two calls and a restart in between.
"""

from collections.abc import Mapping
from pathlib import Path

from app.bootstrap import data, installation
from app.bootstrap.errors import BootstrapError
from app.bootstrap.terminal import say
from runner.rotate import rotate_at

RESTART = 3  # the exit code: `up` has to read the new key first


def run(environ: Mapping[str, str]) -> int:
    """Make a new key, or seal everything with the one that was made. Return the exit code."""
    directory = installation.directory(environ)
    given = environ.get("CURTAIN_SECRET_KEY")
    if not given and _must_restart(directory / "secret-key"):
        return RESTART
    keys = given or (directory / "secret-key").read_text().strip()
    exit_code = rotate_at(installation.database_url(environ), keys)
    if exit_code == 0 and not given:
        say(
            f"nothing needs the older key any more: {directory / 'secret-key'} may be left with "
            "what is before its comma"
        )
    return exit_code


def _must_restart(file: Path) -> bool:
    """Whether `up` does not know all keys in *file* yet; make the new one if it has none."""
    if not file.exists():
        raise BootstrapError(f"there is no {file}: `python3 -m app up` makes it")
    if data.renewed_secret(file):
        say(f"a new key is in {file}, before the old one")
    elif not data.is_owned(file.parent) or not data.has_changed(file):
        return False
    say("stop `python3 -m app up`, start it again, so that it knows both, and rotate once more")
    return True
