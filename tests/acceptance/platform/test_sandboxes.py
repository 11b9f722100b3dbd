"""A sandbox is what it says: nothing but what the platform gives it, and all of it its own."""

import json

import pytest

pytestmark = pytest.mark.timeout(300)  # a busy machine takes its time for sandboxes

ASKED = """
import json, os, socket
def may(do):
    try:
        do()
    except OSError as error:
        return error.strerror
    return "may"
def write(path):
    return may(lambda: open(path, "w").close())
slug = sorted(os.listdir("/app"))
cgroups = [line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup" in line]
print(json.dumps({
    "uid": os.getuid(),
    "pid": os.getpid(),
    "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()],
    "host": socket.gethostname(),
    "capabilities": [line for line in open("/proc/self/status") if line.startswith("CapEff")],
    "addresses": os.popen("hostname -I").read().split(),
    "written": [path for path in ("/app/x", "/tmp/x", "/dev/shm/x") if write(path) == "may"],
    "outside": {path: write(path) for path in ("/x", "/etc/x", "/usr/x", "/sys/x")},
    "cgroups": {path: may(lambda: os.mkdir(path + "/x")) for path in cgroups},
    "environ": dict(os.environ),
    "postgres": may(lambda: socket.create_connection(("10.77.0.1", 5432), 5).close()),
    "loopback": may(lambda: socket.create_connection(("127.0.0.1", 8000), 5).close()),
    "slug": slug,
}), flush=True)
"""


def ask(platform, name):
    assert platform.run(name, "python", "-c", ASKED) == 0, platform.logs()
    return json.loads((platform.folder / f"{name}.log").read_text().splitlines()[-1])


def test_it_has_what_it_is_given_and_nothing_else(platform):
    seen = ask(platform, "run.1")

    assert (seen["uid"], seen["pid"], seen["pids"]) == (54321, 1, [1])
    assert [line.split()[1].strip("0") for line in seen["capabilities"]] == [""]
    assert len(seen["written"]) == 3  # below /app, /tmp and /dev/shm
    assert "may" not in seen["outside"].values()
    assert "may" not in seen["cgroups"].values()
    assert seen["postgres"] == "may"
    assert seen["loopback"] == "Connection refused"
    assert seen["environ"]["PORT"] == "8000"
    assert seen["environ"]["DATABASE_URL"].startswith("postgres://")
    assert seen["environ"]["REDIS_URL"].startswith("rediss://")


def test_no_two_have_anything_in_common_not_even_with_their_predecessor(platform):
    first, second = ask(platform, "run.1"), ask(platform, "run.1")

    assert first["addresses"] != second["addresses"]
    assert first["host"] != second["host"]
    assert "x" not in second["slug"]
