"""The commands: `python3 -m app up`, `test`, `bench`, `rotate`, `migrate`, `backup`, `restore`, …

And those of the command line, which are `curtain`'s too: see app/cli/names.py.

Starts on the machine's bare Python: the imports up here need nothing that is not in it.
"""

import argparse
import importlib.util
import os
import sys

from app.bootstrap import terminal, venv
from app.bootstrap.errors import BootstrapError
from app.cli import names

#: What makes `test` do random faults under load, for as many minutes as follow.
SOAK = "--soak"
#: Without one of these the bootstrap installs what backups need.
NEEDS_OF_BACKUP = ("psycopg", "pydantic", "cryptography", "flask", "cronsim", "tzdata")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line. What follows `test` and `bench` is theirs and kept as it is."""
    parser = argparse.ArgumentParser(
        prog="python3 -m app",
        epilog=f"Commands of `curtain`, for any server: {', '.join(names.COMMANDS)}.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="install what is missing and start everything on this machine")
    commands.add_parser(
        "test", help="install what is missing and run pytest with what follows, or --soak MINUTES"
    )
    commands.add_parser("bench", help="install what is missing and measure; --quick, --json FILE")
    commands.add_parser("rotate", help="change the key of the secrets that `up` keeps")
    commands.add_parser("migrate", help="bring the database at DATABASE_URL to this version")
    commands.add_parser("backup", help="write all but history to standard output, secrets too")
    restore = commands.add_parser("restore", help="put what standard input has: a backup")
    restore.add_argument(
        "--replace", action="store_true", help="over what is there by the same names"
    )
    install = commands.add_parser("install", help="install only, and print the Python to use")
    install.add_argument("purpose", choices=venv.LOCKS)
    rest = arguments[1:] if arguments[:1] in (["test"], ["bench"]) else []
    return parser.parse_args(arguments[: len(arguments) - len(rest)], argparse.Namespace(rest=rest))


def enter(purpose: str) -> None:
    """Go on with a Python that has what *purpose* needs."""
    python = venv.ensure(purpose)
    if python != sys.executable and not venv.is_inside():
        os.execv(python, [python, "-m", "app", *sys.argv[1:]])


def up() -> int:
    """Start everything."""
    from app.bootstrap import preflight

    preflight.check(os.environ)
    enter("up")
    from app.bootstrap import up

    return up.run(os.environ)


def test(arguments: list[str]) -> int:
    """Become pytest, on all cores unless told otherwise; with --soak become the soak."""
    enter("test")
    if SOAK in arguments:
        rest = [each for each in arguments if each != SOAK]
        os.execv(sys.executable, [sys.executable, "-m", "tests.faults.soak", *rest])
    # A test that starts a program compiles all of it otherwise, and each worker each test's file.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    workers = ["-n", "auto", "--dist", "worksteal"]  # whoever has done its share takes of others'
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *workers, *arguments])


def bench(arguments: list[str]) -> int:
    """Become the benchmarks."""
    enter("test")
    os.execv(sys.executable, [sys.executable, "-m", "tests.bench", *arguments])


def rotate() -> int:
    """Seal anew what `up` keeps."""
    enter("up")
    from app.bootstrap import rotation

    return rotation.run(os.environ)


def migrate() -> int:
    """Apply the migrations. Never installs: a platform's release phase has done that."""
    if not importlib.util.find_spec("psycopg"):
        raise BootstrapError(
            "psycopg is missing: `pip install -r requirements.txt`, or use .venv/bin/python"
        )
    if not (url := os.environ.get("DATABASE_URL")):
        raise BootstrapError("DATABASE_URL is not set: give the address of a Postgres")
    import psycopg

    from runner.errors import RunnerError
    from runner.store.migrate import migrate

    try:
        for name in migrate(url):
            print(f"applied {name}", flush=True)
    except psycopg.ProgrammingError:
        raise BootstrapError(
            "DATABASE_URL is not of the form postgresql://user:password@host/name"
        ) from None
    except (RunnerError, psycopg.OperationalError) as error:
        raise BootstrapError(f"the database at DATABASE_URL: {error}") from None
    return 0


def backup(options: argparse.Namespace) -> int:
    """Make a backup, or restore one. A platform has what that needs: then nothing is installed."""
    if not all(map(importlib.util.find_spec, NEEDS_OF_BACKUP)):
        enter("up")
    from app.backup import commands

    if options.command == "backup":
        return commands.backup(os.environ)
    return commands.restore(os.environ, replace=options.replace)


def run(options: argparse.Namespace) -> int:
    """Do what the command line asks. Return the exit code."""
    match options.command:
        case "up":
            return up()
        case "test":
            return test(options.rest)
        case "bench":
            return bench(options.rest)
        case "rotate":
            return rotate()
        case "migrate":
            return migrate()
        case "backup" | "restore":
            return backup(options)
        case _:
            print(venv.ensure(options.purpose))
            return 0


def command_line() -> int:
    """Do what `curtain` would do."""
    if not all(map(importlib.util.find_spec, names.NEEDS)):
        enter("up")
    from app.cli.main import main

    return main()


def main() -> int:
    """Run the command; errors a person can act on become one line."""
    if sys.argv[1:2] and sys.argv[1] in names.COMMANDS:
        return command_line()
    options = parse(sys.argv[1:])
    return terminal.exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
