"""What becomes of an order: arguments, environment, variables and inventory."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from hypothesis import given
from hypothesis import strategies as st

from runner.command import Paths, arguments, control_path, environment, inventory_name
from runner.errors import VariablesRefused
from runner.variables import variables_document

PATHS = Paths(Path("/r/project/site.yml"), Path("/r/inventory.ini"), Path("/r/variables.yml"))
PROGRAMS = Path(sys.executable).parent


def order(**changes):
    return {
        "run": 12,
        "template": "deploy",
        "installation": "0badcafe",
        "directory": "/r",
        "cache": "/git",
        "galaxy": "/galaxy",
        "galaxy_age": 86_400.0,
        "requirements": True,
        "playbook": {"repository": "https://example.org/a.git", "ref": "main", "path": "site.yml"},
        "inventory": {"content": "web1\n"},
        "vars": {},
        "accepted": {},
        "options": {},
        "environment": {},
        "pinned": {"playbook": None, "inventory": None},
        "access": {"playbook": None, "inventory": None},
        "credentials": [],
        "ansible_playbook": "ansible-playbook",
        "base_environment": {"PATH": "/usr/bin"},
        "mark": {"CURTAIN_RUN": "12", "CURTAIN_INSTALLATION": "0badcafe"},
        "protocols": ["https"],
        "only_hosts": None,
        "leave_async": False,
        **changes,
    }


def test_a_plain_order_says_nothing_but_inventory_variables_and_playbook():
    assert arguments(order(), PATHS) == [
        "ansible-playbook",
        "--inventory=/r/inventory.ini",
        "--extra-vars=@/r/variables.yml",
        "--",
        "/r/project/site.yml",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": "web*:!web3"}, ["--limit=web*:!web3"]),
        ({"limit": "--become"}, ["--limit=--become"]),  # a value never becomes an option
        ({"limit": "a b"}, ["--limit=a b"]),  # nor two words: there is no shell
        ({"limit": None}, []),
        ({"tags": ["a", "b"]}, ["--tags=a,b"]),
        ({"tags": []}, []),
        ({"skip_tags": ["slow"]}, ["--skip-tags=slow"]),
        ({"forks": 20}, ["--forks=20"]),
        ({"verbosity": 3}, ["-vvv"]),
        ({"verbosity": 0}, []),
        ({"check": True, "diff": True, "become": True}, ["--check", "--diff", "--become"]),
        ({"check": False, "diff": False, "become": False}, []),
    ],
)
def test_an_option_becomes_these_words(options, words):
    assert arguments(order(options=options), PATHS)[3:-2] == words


def test_hosts_take_the_place_of_a_limit():
    paths = replace(PATHS, hosts=Path("/r:1/hosts"))

    words = arguments(order(options={"limit": "web"}), paths)

    assert words[3:-2] == ["--limit=@/r:1/hosts,"]  # the comma keeps the colon from ending it


def test_the_mark_cannot_be_changed_by_a_template():
    ours = environment(order(environment={"CURTAIN_RUN": "13", "CURTAIN_INSTALLATION": ""}))

    assert (ours["CURTAIN_RUN"], ours["CURTAIN_INSTALLATION"]) == ("12", "0badcafe")


@pytest.mark.parametrize(
    ("own", "name", "value"),
    [
        ({}, "PATH", "/usr/bin"),  # the runner's choice arrives
        ({"PATH": "/opt"}, "PATH", "/opt"),  # the template's counts more
        ({}, "ANSIBLE_LOCAL_TEMP", "/r/tmp"),  # goes with the run's directory
        ({}, "TMPDIR", "/r/tmp"),  # where modules unpack themselves; a killed one leaves that
        ({"TMPDIR": "/big"}, "TMPDIR", "/big"),
        ({}, "ANSIBLE_SSH_CONTROL_PATH_DIR", "/r/cp"),  # not shared with another run
        ({}, "ANSIBLE_RETRY_FILES_ENABLED", "0"),  # the tree is thrown away
        ({"ANSIBLE_RETRY_FILES_ENABLED": "1"}, "ANSIBLE_RETRY_FILES_ENABLED", "1"),
        ({}, "PYTHONUNBUFFERED", "1"),  # or a block-buffered tail is lost by a kill
        ({}, "ANSIBLE_NOCOLOR", "1"),
        ({}, "ANSIBLE_FORCE_COLOR", "0"),
        ({"ANSIBLE_FORCE_COLOR": "1"}, "ANSIBLE_NOCOLOR", None),  # it would win over the colour
        ({"ANSIBLE_NOCOLOR": "0"}, "ANSIBLE_FORCE_COLOR", None),
    ],
)
def test_the_environment_holds(own, name, value):
    assert environment(order(environment=own)).get(name) == value


def test_an_async_job_that_outlives_its_run_keeps_its_temporary_files():
    """They would be removed with the run's directory, under a module that still imports."""
    assert "TMPDIR" not in environment(order(leave_async=True))


def test_temporary_files_are_elsewhere_if_no_socket_would_fit_there():
    assert "TMPDIR" not in environment(order(directory="/" + "deep/" * 20 + "12-ab12"))


@pytest.mark.parametrize("directory", ["/r/12-ab12", "/" + "deep/" * 30 + "12-ab12"])
def test_a_socket_of_ssh_always_fits_and_belongs_to_one_run(directory):
    socket = control_path(Path(directory)) / "0123456789.0123456789abcdef"

    assert len(str(socket).encode()) < 108
    assert "12-ab12" in str(socket)


def through_ansible(document, tmp_path_factory):
    path = tmp_path_factory.mktemp("variables") / "variables.yml"
    path.write_text(document)
    return DataLoader().load_from_file(str(path))


CHARACTERS = st.characters(exclude_categories=["Cs"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(CHARACTERS), inner),
)


@given(text=st.text("0123456789-+.:_eExXbaftTzZ ~<=!&*", max_size=12))
def test_a_text_that_looks_like_a_number_stays_a_text(text, tmp_path_factory):
    arrived = through_ansible(variables_document({}, {"value": text}), tmp_path_factory)

    assert arrived == {"value": text}


@given(value=JSON)
def test_every_value_arrives_as_it_was_given(value, tmp_path_factory):
    both = through_ansible(variables_document({"a": value}, {"b": value}), tmp_path_factory)

    assert json.dumps(both) == json.dumps({"a": value, "b": value})


@pytest.mark.parametrize(
    "value",
    [
        "{{ lookup('pipe', 'id') }}",  # Jinja
        "1e5",  # a float in YAML 1.2, a string in 1.1
        "0x1f",
        "0o17",
        "12:30:45",  # a sexagesimal number
        "2026-11-22",  # a date
        "yes",
        "null",
        "~",
        "",
        "<<",
        "=",
        "!",
        "*",
        ".inf",
        "2026-11-22 10:11:12.5 +1",
        " blanks ",
        "tab\tnewline\nreturn\r",
        "\x00\x07\x1b\x7f\x80\x85\x9f\xa0",  # not printable for YAML
        "\u2028\u2029\ufeff\ufffe\uffff",  # line breaks, marks and no characters
        "😀",
        "# no comment",
        "!unsafe no tag",
        "&anchor *alias",
        "\\\"'",
        "x" * 3_000_000,
        1e16,  # 1e+16 would be a string
        1e-7,
        -0.0,
        2**70,
        {"yes": 1, "1": 2, "~": 3, "": 4, "a: b": 5, "k" * 5000: 6},  # keys stay strings
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_yaml_could_mistake_arrives_as_it_was_given(value, tmp_path_factory):
    arrived = through_ansible(variables_document({}, {"value": value}), tmp_path_factory)

    assert json.dumps(arrived) == json.dumps({"value": value})


def test_every_string_of_a_caller_is_marked_and_none_of_the_template():
    document = variables_document({"own": ["a", {"k": "b"}]}, {"given": ["c", {"k": "d"}]})

    assert document == (
        '{\n"own": ["a", {"k": "b"}],\n"given": [!unsafe "c", {"k": !unsafe "d"}]\n}\n'
    )


def test_what_a_caller_gives_counts_more_than_the_template():
    assert variables_document({"a": "{{ b }}"}, {"a": "x"}) == '{\n"a": !unsafe "x"\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": {1, 2}}, b"x"])
def test_what_yaml_cannot_say_is_refused(value):
    with pytest.raises(VariablesRefused):
        variables_document({}, {"value": value})


#: Each has a host of another name, by which it is known in a list of them all.
INVENTORIES = [
    ("host1\n", ".ini"),
    ("[web]\nhost2 ansible_host=10.0.0.1\n", ".ini"),
    ("# all: of them\n; too\n\n[web]\nhost3\n", ".ini"),
    ("host4:2222\n", ".ini"),  # a port, not a key
    ("host5 ansible_host=::1\n", ".ini"),
    ("host6 greeting='a: b'\n", ".ini"),
    ("all:\n  hosts:\n    host7:\n", ".yml"),
    ("---\nall: {hosts: {host8: {}}}\n", ".yml"),
    ("# ours\n\nweb:\n  hosts:\n    host9:\n", ".yml"),
    ('"web": {hosts: {host10: }}\n', ".yml"),
    ('{"all": {"hosts": {"host11": {}}}}', ".yml"),
    ("\n" * 10_000 + "[web]\nhost12\n", ".ini"),
    ("\r\nall:\r\n  hosts:\r\n    host13:\r\n", ".yml"),
]


def test_an_inventory_is_named_so_that_ansible_reads_it(tmp_path):
    paths = []
    for number, (content, suffix) in enumerate(INVENTORIES):
        paths.append(tmp_path / str(number) / inventory_name(content))
        assert paths[-1].suffix == suffix
        paths[-1].parent.mkdir()
        paths[-1].write_text(content)

    listed = subprocess.run(
        [PROGRAMS / "ansible-inventory", *(f"--inventory={path}" for path in paths), "--list"],
        env={"PATH": str(PROGRAMS), "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    assert not listed.stderr
    for number in range(1, len(INVENTORIES) + 1):
        assert f'"host{number}"'.encode() in listed.stdout, number
