"""Where a process is among the cgroups, by what /proc tells of machines of many kinds."""

import pytest

from runner.hierarchy import parse

V2_AT = "35 25 0:30 {root} {mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_AT = "36 25 0:31 {root} {mount} rw,nosuid shared:10 - cgroup cgroup rw,{controllers}\n"
OTHER = "23 29 0:22 / /proc rw,nosuid - proc proc rw\n24 29 8:1 / / rw - ext4 /dev/root rw\n"


def v2(mount="/sys/fs/cgroup", root="/"):
    return V2_AT.format(mount=mount, root=root)


def v1(controllers, mount, root="/"):
    return V1_AT.format(controllers=controllers, mount=mount, root=root)


MACHINES = [
    (
        "a container with a cgroup namespace",
        "0::/\n",
        v2(),
        [("", "/sys/fs/cgroup")],
    ),
    (
        "a session of a user under systemd",
        "0::/user.slice/user-1000.slice/session-3.scope\n",
        v2(),
        [("", "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope")],
    ),
    (
        "a service that was delegated its group",
        "0::/system.slice/curtain.service\n",
        v2(),
        [("", "/sys/fs/cgroup/system.slice/curtain.service")],
    ),
    (
        "a name with a colon, a blank and a backslash",
        "0::/machine.slice/a:b c\\x2d\n",
        v2(),
        [("", "/sys/fs/cgroup/machine.slice/a:b c\\x2d")],
    ),
    (
        "a mount point with a blank and a backslash, as mountinfo writes them",
        "0::/a\n",
        v2(mount="/mnt/my\\040c\\134groups"),
        [("", "/mnt/my c\\groups/a")],
    ),
    (
        "a hybrid: version 2 without controllers beside version 1, which comes after it",
        "9:name=systemd:/x\n8:pids:/p\n6:freezer:/\n3:cpu,cpuacct:/c\n0::/x\n",
        v1("name=systemd", "/sys/fs/cgroup/systemd")
        + v1("pids", "/sys/fs/cgroup/pids")
        + v1("freezer", "/sys/fs/cgroup/freezer")
        + v1("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct")
        + v2(mount="/sys/fs/cgroup/unified"),
        [
            ("", "/sys/fs/cgroup/unified/x"),
            ("freezer", "/sys/fs/cgroup/freezer"),
            ("pids", "/sys/fs/cgroup/pids/p"),
            ("name=systemd", "/sys/fs/cgroup/systemd/x"),
        ],
    ),
    (
        "version 1 alone: version 2 is in /proc/self/cgroup and nowhere mounted",
        "6:freezer:/\n0::/\n",
        v1("freezer", "/sys/fs/cgroup/freezer"),
        [("freezer", "/sys/fs/cgroup/freezer")],
    ),
    (
        "an old Docker: its part of the machine's tree is mounted, and no namespace",
        "8:pids:/docker/4f2a\n6:freezer:/docker/4f2a/inner\n",
        v1("pids", "/sys/fs/cgroup/pids", root="/docker/4f2a")
        + v1("freezer", "/sys/fs/cgroup/freezer", root="/docker/4f2a"),
        [("freezer", "/sys/fs/cgroup/freezer/inner"), ("pids", "/sys/fs/cgroup/pids")],
    ),
    (
        "a controller that shares its hierarchy with others",
        "4:cpu,freezer:/a\n",
        v1("cpu,freezer", "/cg"),
        [("freezer", "/cg/a")],
    ),
    (
        "a namespace into which the machine's mount was brought: its root lies above ours",
        "0::/\n",
        v2(root="/../.."),
        [("", None)],
    ),
    (
        "a process that was moved out of its namespace",
        "0::/../other\n",
        v2(),
        [("", None)],
    ),
    (
        "another part of the tree than ours is mounted; it only begins with the same letters",
        "0::/docker/4f2ab\n",
        v2(root="/docker/4f2a"),
        [("", None)],
    ),
    ("nothing is mounted", "0::/\n", "", []),
    ("a kernel without cgroups", "", "", []),
]


@pytest.mark.parametrize(
    ("groups", "mounts", "expected"),
    [machine[1:] for machine in MACHINES],
    ids=[machine[0] for machine in MACHINES],
)
def test_our_own_group_is_found(groups, mounts, expected):
    found = [(hierarchy.controller, hierarchy.own) for hierarchy in parse(groups, OTHER + mounts)]

    assert found == expected


def test_a_hierarchy_is_named_as_an_operator_does():
    mounts = v2() + v1("freezer", "/f")

    assert [str(hierarchy) for hierarchy in parse("", mounts)] == [
        "cgroup v2 at /sys/fs/cgroup",
        "cgroup v1 freezer at /f",
    ]
