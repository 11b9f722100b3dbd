"""What is wrong with the files of `curtain apply`, and where."""

from pathlib import Path

import pytest

from app.cli.declared.files import read
from app.cli.errors import CliError

#: Nine lines, and a billion values.
BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
WRONG = [
    ("templates: {a: {}}", ":1: templates.a.playbook: is required"),
    (
        "templates:\n  a:\n    playbook: {repository: 'https://h/r.git', path: s.yml}\n"
        "    inventory: {path: i}\n    timeout: soon\n",
        ":5: templates.a.timeout: ",
    ),
    (
        "templates:\n  a:\n    playbook: {repository: 'https://h/r.git', path: s.yml}\n"
        "    inventory: {path: i}\n    options:\n      become: yes\n",
        ":6: templates.a.options.become: ",
    ),
    ("credentials:\n  a:\n    kind: become_password\n    password: plain\n", "must not stand in"),
    (
        "credentials:\n  a:\n    kind: become_password\n    password: {env: NOT_SET}\n",
        ":4: credentials.a.password: the environment variable NOT_SET is not set",
    ),
    (
        "credentials:\n  a:\n    kind: become_password\n    password: {file: nowhere}\n",
        ":4: credentials.a.password: nowhere cannot be read",
    ),
    ("hooks:\n  a: {sender: nobody}\n", ":2: hooks.a.sender: must be one of "),
    ("templates:\n  Big: {}\n", ":2: templates.Big: a name must match"),
    ("templates: {}\nrunners: {}\n", ":2: runners: is not known here"),
    ("schedules:\n  nightly: {}\n", ":2: schedules.nightly.template: is required"),
    (
        "schedules:\n  nightly:\n    template: a\n    cron: 0 0 30 2 *\n",
        ":4: schedules.nightly.cron: is no cron expression that ever comes",
    ),
    (
        "schedules:\n  nightly:\n    template: a\n    cron: 0 3 * * *\n    vars:\n"
        "      password: {env: NOT_SET}\n",
        ":6: schedules.nightly.vars.password: the environment variable NOT_SET is not set",
    ),
    ("hooks:\n  a: {}\n  a: {}\n", ":3: 'a' is there twice"),
    ("hooks: [\n", ":2: "),
    ("- 1\n", ":1: file: must be a mapping of"),
    (BOMB, "too large, with its aliases written out"),
    ("templates: {a: {vars: {x: !!binary aGk=}}}\n", ":1: could not determine a constructor"),
    ("templates: !!set {a}\n", ":1: could not determine a constructor"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_fault_names_its_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "b.yml"
    file.write_text(text)

    with pytest.raises(CliError) as told:
        read([str(file)], {})

    assert str(file) in str(told.value)
    assert words in str(told.value)


def test_a_secret_in_a_file_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "b.yml"
    file.write_text("credentials:\n  a: {kind: become_password, password: hunter2}\n")

    with pytest.raises(CliError) as told:
        read([str(file)], {})

    assert "hunter2" not in str(told.value)


def test_hidden_files_and_other_endings_are_not_read(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in (".git/a.yml", ".b.yml", "c.txt"):
        (tmp_path / name).write_text("nonsense: true\n")
    (tmp_path / "d.yaml").write_text("hooks: {}\n")

    assert read([str(tmp_path)], {}).kinds == {"hooks"}


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "b.yml"
    file.write_text("templates: &a\n  b: *a\n")

    with pytest.raises(CliError, match="holds itself"):
        read([str(file)], {})


@pytest.mark.parametrize("name", ["~/password", "password"])
def test_a_secret_is_read_from_where_a_shell_would_look_or_beside_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home, folder = tmp_path / "home", tmp_path / "declared"
    monkeypatch.setenv("HOME", str(home))
    for each in (home, folder):
        each.mkdir()
    (home if name.startswith("~") else folder).joinpath("password").write_text("hunter2\n")
    file = folder / "all.yml"
    file.write_text(f"credentials: {{a: {{kind: become_password, password: {{file: {name}}}}}}}\n")

    declared = read([str(file)], {}).objects["credentials", "a"]

    assert declared.body["password"] == "hunter2"
