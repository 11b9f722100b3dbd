"""`curtain`: finds the command, and makes one exit code of whatever becomes of it."""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from http import HTTPStatus

import click

from app.cli.errors import CliError
from app.cli.exits import Exit
from app.cli.names import COMMANDS, GROUPS
from app.cli.out import note
from app.version import VERSION

PROGRAM = "curtain"
#: By this variable the scripts of `curtain completion` ask.
COMPLETE = "_CURTAIN_COMPLETE"
#: Faults that the API's `detail` names; of more only `errors` tells.
NAMED = 5
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

EXITS = """\b
Exit codes of what waits for a run's end (--wait, --follow, tail -f):
  0 succeeded   2 failed   3 stopped   4 timed out   5 interrupted   6 lost
Of every command:
  10 not allowed   11 not found   12 refused   13 server unreachable
  14 doctor found something   64 wrong usage   130 watching ended by Ctrl-C"""


class Commands(click.Group):
    """Loads a command when it is called, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, for completion."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one. None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by what they are for, from the names alone."""
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])


@click.command(cls=Commands, context_settings=HELP, epilog=EXITS, no_args_is_help=True)
@click.version_option(VERSION, prog_name=PROGRAM)
def curtain() -> None:
    """Run Ansible playbooks on a Curtain server, watch them, and stop them so that they stop.

    Sign in once with `curtain login URL`; CURTAIN_URL and CURTAIN_TOKEN in the environment win.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Return its exit code; errors become one line, or a problem with --json."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _call(given)
    except BrokenPipeError:
        _close_output()
        return Exit.PIPE
    except CliError as error:
        _tell(error.problem(), given)
        return error.exit
    except click.UsageError as error:
        return _usage(error, given)
    except click.ClickException as error:
        _tell({"title": "Usage", "detail": error.format_message()}, given)
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr.isatty():
            note("")  # the terminal has written ^C
        return Exit.UNWATCHED


def _call(given: list[str]) -> int:
    """As click's own main does it, which would end a broken pipe with 1, as if something failed."""
    if asked := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(curtain, {}, PROGRAM, COMPLETE, asked)
    try:
        with curtain.make_context(PROGRAM, given) as context:
            code = curtain.invoke(context)
            return code if isinstance(code, int) else Exit.DONE
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _usage(error: click.UsageError, given: list[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        note(error.format_message())
        return Exit.USAGE
    path = error.ctx.command_path if error.ctx else PROGRAM
    _tell({"title": "Usage", "detail": error.format_message(), "exit_code": 64}, given)
    if "--json" not in given:
        note(f"`{path} --help` shows what it takes")
    return Exit.USAGE


def _tell(problem: dict[str, object], given: list[str]) -> None:
    """Tell of an error: the whole problem to programs, its words to people."""
    if "--json" in given:
        sys.stderr.write(json.dumps(problem) + "\n")
        return
    note(f"{PROGRAM}: {problem['detail']}")
    faults = problem.get("errors")
    if problem.get("status") == HTTPStatus.UNAUTHORIZED:
        note(f"`{PROGRAM} login` signs in with another token")
    if isinstance(faults, list) and len(faults) > NAMED and problem.get("status"):
        for fault in faults[NAMED:]:
            note(f"  {fault['field']}: {fault['message']}")


def _close_output() -> None:
    """Let nothing be written to the broken pipe when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
