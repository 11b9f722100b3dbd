"""A rerun and its preview from outside: two web containers without Git, one runner, and pushes."""

from tests.repositories import make_repository
from tests.runners import LOCAL, PYTHON

BROKEN = f"{LOCAL}away ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 {PYTHON}\n"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks: [{command: /bin/true}]
"""


def test_a_failed_run_is_looked_at_and_repeated_where_it_failed(formation, tmp_path):
    project = make_repository(tmp_path / "project", {"site.yml": PLAYBOOK})
    hosts = make_repository(tmp_path / "hosts", {"hosts.ini": BROKEN})
    one, other = formation.start_web(), formation.start_web()
    formation.start_runner()
    template = {
        "playbook": {"repository": project.url, "ref": "main", "path": "site.yml"},
        "inventory": {"repository": hosts.url, "ref": "main", "path": "hosts.ini"},
    }
    one.call("PUT", "/templates/mine", template)
    old = one.call("POST", "/templates/mine/runs?wait=50").json
    assert (old["state"], old["host_count"]) == ("failed", 2)
    repaired = hosts.commit({"hosts.ini": BROKEN.replace("ssh", "local")})

    preview = other.call("GET", f"/runs/{old['id']}/rerun?wait=40").json

    assert preview["playbook"]["difference"]["relation"] == "same"
    assert preview["inventory"]["now"]["sha"] == repaired
    (commit,) = preview["inventory"]["difference"]["commits"]
    assert (commit["sha"], commit["subject"]) == (repaired, "Change it")
    assert preview["failed_hosts"]["hosts"] == ["away"]

    path = f"/runs/{old['id']}/rerun?wait=50"
    same = other.call("POST", path, {"hosts": "failed"}).json
    newest = other.call("POST", path, {"hosts": "failed", "at": "newest"}).json

    assert (same["state"], same["only_hosts"]) == ("failed", ["away"])
    assert same["inventory_sha"] == old["inventory_sha"]
    assert (newest["state"], newest["inventory_sha"]) == ("succeeded", repaired)
    listed = one.call("GET", f"/runs/{newest['id']}/hosts").json["hosts"]
    assert [(host["host"], host["ok"]) for host in listed] == [("away", 1)]
    reruns = one.call("GET", f"/runs?rerun_of={old['id']}").json["runs"]
    assert [run["id"] for run in reruns] == [newest["id"], same["id"]]
