"""What a rerun would find, asked by web and looked at by a real runner."""

import base64
import threading
from pathlib import Path

import psutil
import pytest

from app.factory import create_app
from app.services import services_of
from jobs import questions
from runner.queue import queue_of_errands
from runner.settings import Settings
from tests import playbooks
from tests.repositories import Repository, make_repository
from tests.runners import LOCAL

HOSTS = {"hosts.ini": LOCAL}


@pytest.fixture
def client(bench):
    """Web, with the token; it knows nothing of the runner but Postgres and Redis."""
    nowhere = {"CURTAIN_DATA": "/nonexistent"}
    app = create_app(Settings.from_environ({**bench.environ, **nowhere}))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {bench.environ['CURTAIN_ADMIN_TOKEN']}"
    yield client
    services_of(app).close()


@pytest.fixture
def hosts_repository(tmp_path):
    return make_repository(tmp_path / "hosts", HOSTS)


@pytest.fixture
def project(playbook):
    return playbook(playbooks.HELLO)


@pytest.fixture
def declare(client, project, hosts_repository):
    """Declare a template of both repositories."""

    def put(**changes):
        body = {
            "playbook": {"repository": project.url, "ref": "main", "path": "site.yml"},
            "inventory": {
                "repository": hosts_repository.url, "ref": "main", "path": "hosts.ini"
            },
            **changes,
        }  # fmt: skip
        answer = client.put("/api/v1/templates/mine", json=body)
        assert answer.status_code in (200, 201), answer.text

    return put


@pytest.fixture
def keep_become(client):
    """Keep a become password under a name."""

    def put(name):
        body = {"kind": "become_password", "password": "hunter2"}
        assert client.put(f"/api/v1/credentials/{name}", json=body).status_code == 201

    return put


@pytest.fixture
def old(client, runner, declare):
    """The id of a run that is over."""
    declare()
    answer = client.post("/api/v1/templates/mine/runs?wait=60")
    assert answer.json["state"] == "succeeded", answer.json
    return answer.json["id"]


def preview(client, run_id, wait=30):
    return client.get(f"/api/v1/runs/{run_id}/rerun?wait={wait}")


def seen(client, run_id):
    answer = preview(client, run_id)
    assert answer.status_code == 200, answer.text
    return answer.json


def errand_processes():
    """Those of this test's runner."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if "jobs.errands" in (process.info["cmdline"] or ())
    ]


def test_nothing_has_changed(client, old, bench):
    before = [row for row in bench.conn.execute("SELECT runs::text FROM runs")]

    told = seen(client, old)

    for what in ("playbook", "inventory"):
        source = told[what]
        assert source["then"] == source["now"]
        assert source["difference"]["relation"] == "same"
        assert source["difference"]["commits"] == source["difference"]["files"] == []
        assert source["untold"] is None
    assert (told["run"], told["template"], told["refusals"]) == (old, [], [])
    assert told["failed_hosts"]["count"] == 0
    assert "no host failed" in told["failed_hosts"]["untold"]
    assert [row for row in bench.conn.execute("SELECT runs::text FROM runs")] == before


def test_commits_and_files_that_were_pushed_since(client, old, hosts_repository, project):
    then = hosts_repository.git("rev-parse", "HEAD")
    (hosts_repository.path / "hosts.ini").rename(hosts_repository.path / "old.ini")
    hosts_repository.git("add", "--all")
    hosts_repository.git("commit", "--quiet", "--message", "Rename it")
    now = hosts_repository.commit({"hosts.ini": "web1\n", "a b/ü.yml": "x: 1\n"})

    told = seen(client, old)

    source = told["inventory"]
    assert (source["then"]["sha"], source["now"]["sha"]) == (then, now)
    assert source["now"]["repository"] == hosts_repository.url
    difference = source["difference"]
    assert (difference["relation"], difference["base"]) == ("ahead", None)
    assert [commit["subject"] for commit in difference["commits"]] == ["Change it", "Rename it"]
    assert difference["commits"][0]["sha"] == now
    assert difference["commits"][0]["author"] == "Ada"
    assert difference["dropped"] == []
    files = {file["path"]: (file["status"], file["was"]) for file in difference["files"]}
    assert files == {
        "hosts.ini": ("modified", None),
        "a b/ü.yml": ("added", None),
        "old.ini": ("added", None),
    }
    assert told["playbook"]["difference"]["relation"] == "same"


def test_a_branch_that_was_rewritten_has_diverged(client, old, project):
    then = project.git("rev-parse", "HEAD")
    project.git("commit", "--quiet", "--amend", "--message", "Another")

    source = seen(client, old)["playbook"]

    difference = source["difference"]
    assert (difference["relation"], difference["base"]) == ("diverged", None)
    assert [commit["sha"] for commit in difference["dropped"]] == [then]
    assert [commit["subject"] for commit in difference["commits"]] == ["Another"]


def test_a_branch_that_was_set_back_is_behind(client, runner, declare, project):
    first = project.git("rev-parse", "HEAD")
    project.commit({"more.yml": "[]\n"})
    declare()
    run_id = client.post("/api/v1/templates/mine/runs?wait=60").json["id"]
    project.git("reset", "--hard", "--quiet", first)

    difference = seen(client, run_id)["playbook"]["difference"]

    assert (difference["relation"], difference["commits"]) == ("behind", [])
    assert len(difference["dropped"]) == 1
    assert difference["files"] == [{"path": "more.yml", "status": "deleted", "was": None}]


def test_a_branch_that_is_gone_and_a_remote_that_is_away_say_so(
    client, old, project, hosts_repository
):
    project.git("branch", "--move", "main", "other")
    hosts_repository.path.rename(hosts_repository.path.with_name("gone"))

    told = seen(client, old)

    gone, away = told["playbook"], told["inventory"]
    assert (gone["now"]["sha"], gone["untold"]["code"]) == (None, "ref_not_found")
    assert "no branch or tag 'main'" in gone["untold"]["message"]
    assert (away["now"]["sha"], away["untold"]["code"]) == (None, "repo_not_found")
    assert away["then"]["sha"] is not None


def test_what_of_the_template_has_changed(client, old, declare, project, tmp_path):
    other = make_repository(tmp_path / "other", {"site.yml": playbooks.HELLO})
    declare(
        playbook={"repository": other.url, "ref": "main", "path": "site.yml"},
        inventory={"content": "x" * 5000},
        timeout=77,
        accepts={"region": {"type": "string", "required": True}},
    )

    told = seen(client, old)

    changed = {change["path"]: (change["then"], change["now"]) for change in told["template"]}
    assert changed["timeout"] == (3600, 77)
    assert changed["playbook.repository"] == (project.url, other.url)
    assert changed["inventory.path"] == ("hosts.ini", None)
    assert len(changed["inventory.content"][1]) < 1100
    assert told["playbook"]["untold"]["code"] == "other_url"
    assert told["playbook"]["now"]["sha"] == other.git("rev-parse", "HEAD")
    assert told["inventory"]["now"] is None
    assert told["refusals"] == [{"field": "vars.region", "message": "is required"}]


def test_a_template_that_was_deleted_leaves_the_recorded_places(client, old, project):
    client.delete("/api/v1/templates/mine")
    now = project.commit({"more.yml": "[]\n"})

    told = seen(client, old)

    assert told["template"] is None
    assert told["playbook"]["now"]["sha"] == now
    gone = {"field": "template", "message": "there is no template 'mine' any more"}
    assert (told["refusals"], told["same_refusals"]) == ([gone], [])


def test_a_credential_that_is_gone_refuses_the_same(client, runner, declare, keep_become):
    keep_become("root")
    declare(credentials=["root"])
    run = client.post("/api/v1/templates/mine/runs?wait=60").json
    declare()
    assert client.delete("/api/v1/credentials/root").status_code == 204

    told = seen(client, run["id"])

    gone = {"field": "credentials.0", "message": "there is no credential 'root'"}
    assert (told["refusals"], told["same_refusals"]) == ([], [gone])


def test_the_hosts_that_failed(client, runner, playbook, declare):
    failing = "- hosts: all\n  gather_facts: false\n  tasks: [{fail: {msg: no}}]\n"
    declare()
    # The same repository's next commit.
    url = client.get("/api/v1/templates/mine").json["spec"]["playbook"]["repository"]

    Repository(Path(url.removeprefix("file://"))).commit({"site.yml": failing})
    run_id = client.post("/api/v1/templates/mine/runs?wait=60").json["id"]

    told = seen(client, run_id)["failed_hosts"]

    assert told == {"count": 1, "hosts": ["localhost"], "untold": None}


def test_the_same_question_is_answered_from_memory(client, old, project):
    first = seen(client, old)
    project.commit({"more.yml": "[]\n"})

    assert seen(client, old) == first


def test_many_questions_at_once_are_one_errand(client, old, bench):
    app, token = client.application, client.environ_base["HTTP_AUTHORIZATION"]
    answers = []

    def ask():
        path = f"/api/v1/runs/{old}/rerun?wait=30"
        answers.append(app.test_client().get(path, headers={"Authorization": token}))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {200}
    assert queue_of_errands(bench.redis).count == 0


def test_without_a_runner_it_says_when_to_ask_again(client, old, runner):
    runner.terminate()

    answer = preview(client, old, wait=1)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "no runner has answered" in answer.json["detail"]


def test_a_runner_that_comes_later_answers(client, old, runner, start):
    runner.terminate()
    assert preview(client, old, wait=0).status_code == 503

    start()

    assert seen(client, old)["run"] == old


def test_an_errand_that_nobody_will_end_does_not_stand_in_the_way(client, old, bench, monkeypatch):
    """Its runner was killed in it: RQ would believe in it for minutes."""
    seen(client, old)
    job = queue_of_errands(bench.redis).fetch_job(f"preview-{old}")
    bench.redis.delete(f"rq:results:{job.id}")
    bench.redis.hset(job.key, "status", "started")
    bench.redis.persist(job.key)
    monkeypatch.setattr(questions, "ABANDONED", 0)

    assert seen(client, old)["run"] == old


def test_a_run_that_is_not_over_has_nothing_to_preview(client, bench):
    run = bench.trigger("file:///nowhere")

    answer = preview(client, run.id)

    assert (answer.status_code, answer.json["run"]["id"]) == (409, run.id)
    assert queue_of_errands(bench.redis).count == 0


PASSWORD = "p/a@s:s%w#o?r d"
CREDENTIAL = {"kind": "git_https", "username": "ada", "password": PASSWORD}


def play_protected(client, https):
    """A run whose repository a credential opens, or should."""
    client.put("/api/v1/credentials/forge", json=CREDENTIAL)
    source = {"repository": https.url(), "ref": "main", "path": "site.yml", "credential": "forge"}
    body = {"playbook": source, "inventory": {"content": LOCAL}}
    assert client.put("/api/v1/templates/mine", json=body).status_code == 201
    return client.post("/api/v1/templates/mine/runs?wait=60").json


def test_a_protected_repository_is_looked_at_with_its_credential(
    bench, client, serve_https, repository, start, tmp_path
):
    """Under one that is wrong by now it says so, and nothing of either is left or told."""
    https = serve_https({"ada": PASSWORD})
    start()
    old = play_protected(client, https)
    assert old["playbook_sha"], old["message"]
    now = repository.commit({"more.yml": "[]\n"})

    told = seen(client, old["id"])

    assert told["playbook"]["now"]["sha"] == now, told
    assert told["playbook"]["difference"]["relation"] == "ahead"
    bench.redis.flushdb()
    client.put("/api/v1/credentials/forge", json={**CREDENTIAL, "password": "another"})
    refused = seen(client, old["id"])
    assert refused["playbook"]["untold"]["code"] == "auth_failed"
    assert PASSWORD not in str([told, refused])
    assert "another" not in str(refused)
    data = tmp_path / "data"
    assert list(data.glob(f"runs/*/{old['id']}-*")) == []


def test_a_server_that_repeats_what_it_was_sent_tells_nobody(bench, client, serve_https, start):
    https = serve_https({"ada": PASSWORD})
    https.answer = repeating
    start()
    old = play_protected(client, https)

    told = seen(client, old["id"])

    assert "no such password: ****" in told["playbook"]["untold"]["message"]
    assert PASSWORD not in str([old, told])
    kept = queue_of_errands(bench.redis).fetch_job(f"preview-{old['id']}").latest_result()
    assert PASSWORD not in str(kept.return_value)


def repeating(handler):
    """Answer whoever brings a password with it."""
    sent = handler.headers.get("Authorization")
    if sent is not None:
        _, _, password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
        body = f"no such password: {password}\n".encode()
        handler.reply(403, {"Content-Type": "text/plain"}, body)
    return sent is not None
