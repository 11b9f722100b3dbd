"""The processes of the Procfile: lines that come out whole, deaths that are answered."""

import subprocess
import time
from functools import partial

import pytest

from app.bootstrap import procfile
from app.bootstrap.children import Children
from app.bootstrap.formation import Formation, name_ending, next_delay

PROCFILE = """\
# a comment
release: python -m app migrate
web: exec gunicorn -c python:app.gunicorn_conf app.wsgi:app

runner:exec python -m runner
"""


def test_a_procfile_is_names_and_command_lines():
    assert procfile.parse(PROCFILE) == {
        "release": "python -m app migrate",
        "web": "exec gunicorn -c python:app.gunicorn_conf app.wsgi:app",
        "runner": "exec python -m runner",
    }


@pytest.mark.parametrize(
    ("delay", "lived", "expected"),
    [
        (0.0, 0.1, 1.0),  # its first death
        (1.0, 0.1, 2.0),  # again at once: twice as long
        (16.0, 0.1, 30.0),  # never longer
        (30.0, 0.1, 30.0),  # never given up either
        (30.0, 60.0, 1.0),  # it had recovered
    ],
)
def test_a_process_that_keeps_dying_is_started_ever_later(delay, lived, expected):
    assert next_delay(delay, lived) == expected


@pytest.mark.parametrize(
    ("code", "words"), [(3, "ended with exit code 3"), (-9, "was killed by signal 9")]
)
def test_an_ending_is_told_in_words(code, words):
    assert name_ending(code) == words


class Enough(Exception):
    """The test has seen what it wanted."""


def run(lines: dict[str, str], seconds: float) -> None:
    """Run shell *lines* as a formation for some seconds."""
    deadline = time.monotonic() + seconds

    def look() -> None:
        if time.monotonic() > deadline:
            raise Enough

    with Children() as children:
        formation = Formation(children)
        for name, line in lines.items():
            command = procfile.shell(line)
            formation.add(name, partial(children.start, "app", command, output=subprocess.PIPE))
        with pytest.raises(Enough):
            formation.run(look)
        formation.stop()


@pytest.fixture(autouse=True)
def _keep_signals(monkeypatch):
    monkeypatch.setattr("app.bootstrap.terminal.STOPS", ())  # pytest's stay as they are


def test_each_line_has_the_name_of_its_process(capfd):
    run({"web": "echo one; printf 'tw'; sleep 0.2; echo o; exec sleep 60", "db": "sleep 60"}, 0.5)

    assert capfd.readouterr().out.splitlines() == ["web | one", "web | two"]


def test_bytes_that_are_no_text_and_no_last_newline_come_out(capfdbinary):
    run({"web": r"printf '\377\nend'; exec sleep 60 >/dev/null 2>&1"}, 0.5)

    assert capfdbinary.readouterr().out == b"web | \xff\nweb | end\n"


def test_what_a_process_says_while_it_stops_comes_out(capfd):
    line = "trap 'echo bye; exit' TERM; while :; do sleep 0.01; done"
    run({"web": line}, 0.3)

    assert capfd.readouterr().out.endswith("web | bye\n")


def test_a_process_that_dies_is_started_again_and_the_death_is_told(capfd):
    run({"web": "echo here; exit 3"}, 1.7)

    printed = capfd.readouterr()
    assert printed.out == "web | here\n" * 2
    assert "web ended with exit code 3; starting it again in 1 s" in printed.err
    assert "in 2 s" in printed.err


def test_output_that_a_descendant_holds_open_does_not_hide_a_death(capfd):
    run({"web": "setsid sleep 1 & exit 1"}, 0.4)

    assert "web ended with exit code 1" in capfd.readouterr().err


def test_a_killed_guard_ends_the_run():
    with Children() as children:
        formation = Formation(children)
        formation.add("web", partial(children.start, "app", ["sleep", "60"]))
        children.guard.kill()

        formation.run(lambda: None)
        formation.stop()
