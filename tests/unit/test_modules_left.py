"""What of the directories that a run has told of is removed with the run's own."""

import os
from pathlib import Path

import pytest

from runner.directories import remove_directory
from runner.left_modules import LIMIT
from runner.plugin import MODULES

NAME = "ansible-tmp-1700000000.123-4567-89012345678901"


@pytest.fixture
def base(tmp_path):
    """What remote_tmp means, with a directory of the run's and one of another controller's."""
    for name in (NAME, NAME.replace("4567", "7654")):
        path = tmp_path / "base" / name
        path.mkdir(parents=True)
        (path / "AnsiballZ_command.py").write_text("hunter22")
    return tmp_path / "base"


@pytest.fixture
def tell(tmp_path):
    """Write the file as the run's Ansible does, and remove the run's directory."""

    def write(text):
        directory = tmp_path / "12-ab12ab12"
        directory.mkdir()
        (directory / MODULES).write_bytes(text.encode())
        remove_directory(directory)
        assert not directory.exists()

    return write


def test_what_was_told_of_is_removed_and_nothing_beside_it(base, tell):
    tell(f"{base / NAME}\n")

    assert [path.name for path in base.iterdir()] == [NAME.replace("4567", "7654")]


@pytest.mark.parametrize(
    "text",
    [
        "{base}\n",  # all of them
        "{base}/\x00/{name}\n",  # no path
        "{base}/{name}/..\n",
        "{base}/{name}/AnsiballZ_command.py\n",  # a file
        "base/{name}\n",  # relative to who knows what
        "{base}/{name}\n" + "\n" * LIMIT,  # more than is read
        "{base}/*\n/\n.\n~\n\n",
        "\udcff".encode("utf-8", "surrogatepass").decode("latin-1") + "\n",
    ],
)
def test_forged_lines_remove_nothing(base, tell, text, monkeypatch):
    monkeypatch.chdir(base.parent)

    tell(text.replace("{base}", str(base)).replace("{name}", NAME))

    assert len(list(base.glob("*/AnsiballZ_command.py"))) == 2


def test_a_link_of_that_name_is_not_followed(base, tell, tmp_path):
    link = tmp_path / NAME
    link.symlink_to(base)

    tell(f"{link}\n")

    assert len(list(base.iterdir())) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give something away")
def test_what_is_another_users_stays(base, tell):
    os.chown(base / NAME, 12345, 12345)

    tell(f"{base / NAME}\n")

    assert (base / NAME).exists()


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to("/dev/zero")]
)
def test_what_is_put_in_the_place_of_the_file_hurts_nobody(base, tmp_path, make):
    directory = tmp_path / "12-ab12ab12"
    directory.mkdir()
    make(directory / MODULES)

    remove_directory(directory)

    assert not directory.exists()
    assert len(list(base.iterdir())) == 2
