"""Where an installation keeps what it has: as the environment says, or as `up` runs it here."""

from collections.abc import Mapping
from pathlib import Path

from app.bootstrap import data, postgres
from app.bootstrap.errors import BootstrapError

KEY = "CURTAIN_SECRET_KEY"


def directory(environ: Mapping[str, str]) -> Path:
    """Where `up` keeps it."""
    return Path(environ.get("CURTAIN_DATA") or ".data").absolute()


def database_url(environ: Mapping[str, str]) -> str:
    """The address of its Postgres. Raise BootstrapError when there is none."""
    url = environ.get("DATABASE_URL")
    if not url and data.is_owned(directory(environ)):
        url = postgres.running_url(directory(environ) / "postgres")
    if not url:
        raise BootstrapError(
            f"no Postgres runs on {directory(environ)}: do it while `python3 -m app up` runs, "
            "with the CURTAIN_DATA and DATABASE_URL that it has"
        )
    return url


def filled(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the address and the keys that `up` has where it names none."""
    file = directory(environ) / "secret-key"
    keys = environ.get(KEY) or (file.read_text().strip() if file.exists() else "")
    return {**environ, "DATABASE_URL": database_url(environ), KEY: keys}
