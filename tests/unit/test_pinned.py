"""Whether requirements always mean the same, told by their lines."""

import pytest

from runner.requirements import are_pinned, name_files

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text",
    [
        "collections:\n  - name: community.general\n    version: 10.7.5\n",
        "collections:\n  - name: community.general\n    version: '==10.7.5'  # for now\n",
        "collections:\n- community.general:10.7.5\n",
        f"- src: git+https://git.example/web.git\n  version: {SHA}\n",
        "---\nroles:\n  - {src: geerlingguy.nginx, version: v3.2.0-rc.1}\n  - java,1.10.0\n",
        '- version: "3.2.0"\n  name: geerlingguy.nginx\n',
        "# nothing yet\n",
    ],
)
def test_what_is_pinned(text):
    assert are_pinned(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- geerlingguy.nginx\n", "the newest"),
        ("- src: x\n  version: main\n", "a branch"),
        ("- src: x\n  version: '3'\n", "as likely a branch as a tag"),
        ("- src: x\n  version: 1.0.0-stable branch\n", "no version"),
        ("collections:\n- name: a.b\n  version: '>=1.0.0'\n", "a range"),
        ("collections:\n- name: a.b\n  version: 1.0.0,<2.0.0\n", "a range, too"),
        ("collections:\n- name: a.b\n  version: '*'\n", "any"),
        ("collections:\n- a.b:1.0.0\n- c.d\n", "one of two"),
        ("collections:\n- name: a.b\n  # version: 1.0.0\n", "a comment"),
        ("collections: [{name: a.b, version: 1.0.0}, c.d]\n", "not told by lines"),
        ("roles: [web]\ncollections:\n- a.b:1.0.0\n", "one of them is not told by lines"),
        ("- include: more.yml\n  version: 1.0.0\n", "another file"),
        ("- &x {src: y, version: 1.0.0}\n- *x\n", "an alias"),
        ("- src: git+https://git.example/web.git\n  version: 0123456\n", "half a commit"),
    ],
)
def test_what_may_mean_something_else_tomorrow(text, why):
    assert not are_pinned(text), why


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("- src: ./web.tar.gz\n", True),
        ("- src: 'vendor/web.tar.gz'\n", True),
        ("collections: [{name: vendor, type: dir}]\n", True),
        ('- src: "./in there/web.tar.gz"\n', True),  # a blank in its name
        ("- src: ../web\n", True),
        ("- src: geerlingguy.nginx\n", False),
        ("- src: git+file:///vendor/web.tar.gz\n", False),  # of the machine
        ("- src: /vendor/web.tar.gz\n", False),
        (f"- src: {'x' * 300}\n", False),  # no file can be called so
    ],
)
def test_whether_they_name_what_is_in_the_project(tmp_path, text, names):
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/web.tar.gz").touch()

    assert name_files(text, tmp_path) is names
