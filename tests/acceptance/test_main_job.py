"""The main job, from outside: a playbook of one's own is declared, run, watched and stopped."""

import json

import pytest

from runner import family
from runner.store import runs
from tests import playbooks
from tests.formation import Client
from tests.repositories import make_repository
from tests.runners import LOCAL, THREE
from tests.waiting import wait_until


@pytest.fixture
def client(formation):
    return formation.start_web()


@pytest.fixture
def declare(client, tmp_path):
    """Declare a template of a repository of one's own."""

    def declare_one(text, inventory=LOCAL, **template):
        repository = make_repository(tmp_path / "repository", {"site.yml": text})
        body = {
            "playbook": {"repository": repository.url, "ref": "main", "path": "site.yml"},
            "inventory": {"content": inventory},
            **template,
        }
        answer = client.call("PUT", "/templates/mine", body)
        assert answer.status == 201, answer.body
        return repository

    return declare_one


@pytest.fixture
def living(conn):
    """The processes of a run, by a look at the machine."""
    installation = runs.installation(conn)
    return lambda run_id: family.find(installation).get(run_id, [])


def trigger(client, body=None, **headers):
    answer = client.call("POST", "/templates/mine/runs", body, **headers)
    assert answer.status == 202, answer.body
    assert answer.headers["Location"] == f"/api/v1/runs/{answer.json['id']}"
    return answer.json["id"]


def show(client, run_id):
    return client.call("GET", f"/runs/{run_id}").json


def test_a_playbook_is_run_and_followed_to_its_end(client, formation, declare, living):
    formation.start_runner()
    greeting = playbooks.HELLO.replace('"hello"', '"{{ greeting }} to {{ name }}"')
    accepts = {"greeting": {"type": "string", "default": "hi"}, "name": {"type": "string"}}
    repository = declare(greeting, accepts=accepts)

    run_id = trigger(client, {"vars": {"name": "{{ 7 * 7 }}"}, "reason": "to see"})
    with client.follow(run_id) as events:
        told = list(events)

    text = "".join(json.loads(event["data"])["text"] for event in told[:-1])
    assert "hi to {{ 7 * 7 }}" in text
    final = json.loads(told[-1]["data"])
    assert told[-1]["event"] == "end"
    assert (final["state"], final["exit_code"], final["reason"]) == ("succeeded", 0, "to see")
    assert final["playbook_sha"] == repository.git("rev-parse", "HEAD")
    assert final["machine"] == "runner-machine"
    raw = client.call("GET", f"/runs/{run_id}/output")
    assert raw.body.decode() == text
    assert int(told[-2]["id"]) == final["output"]["bytes"] == len(raw.body)
    assert living(run_id) == []


def test_a_follower_that_comes_back_goes_on_where_it_was(client, formation, declare):
    formation.start_runner()
    declare(playbooks.HELLO)
    run_id = trigger(client)
    wait_until(lambda: show(client, run_id)["state"] == "succeeded")
    whole = client.call("GET", f"/runs/{run_id}/output").body.decode()

    with client.follow(run_id, **{"Last-Event-ID": "20"}) as events:
        rest = "".join(json.loads(event["data"])["text"] for event in events if "id" in event)

    assert rest == whole[20:]


def test_a_playing_run_is_shown_and_stopped(client, formation, declare, living):
    formation.start_runner()
    declare(playbooks.SETSID, THREE, options={"forks": 3})
    run_id = trigger(client)
    wait_until(lambda: b"ready" in client.call("GET", f"/runs/{run_id}/output").body)

    shown = wait_until(lambda: enough_processes(client, run_id))
    answer = client.call("POST", f"/runs/{run_id}/stop?wait=30", {"reason": "enough"})

    assert {"pid", "pgid", "sid", "command", "age", "cpu", "memory"} <= set(shown[0])
    assert len({process["sid"] for process in shown}) > 1
    assert answer.status == 200
    assert answer.json["state"] == "stopped"
    assert answer.json["stop"]["by"] == "admin"
    assert answer.json["stop"]["reason"] == "enough"
    assert answer.json["message"] == "stopped by admin: enough"
    assert living(run_id) == []
    kinds = [event["kind"] for event in client.call("GET", f"/runs/{run_id}/events").json["events"]]
    assert kinds[:2] == ["queued", "claimed"]
    assert kinds[-1] == "stopped"
    assert "signalled" in kinds

    again = client.call("POST", f"/runs/{run_id}/stop", {"force": True})
    assert (again.status, again.json["run"]["state"]) == (409, "stopped")
    assert client.call("GET", f"/runs/{run_id}/processes").json == {"processes": []}


def enough_processes(client, run_id):
    processes = client.call("GET", f"/runs/{run_id}/processes").json["processes"]
    return processes if len(processes) > 10 else None


def test_a_queued_run_is_stopped_without_any_runner(client, declare):
    declare(playbooks.HELLO)
    run_id = trigger(client)

    answer = client.call("POST", f"/runs/{run_id}/stop")

    assert (answer.status, answer.json["state"]) == (202, "stopped")
    assert answer.json["stop"]["outcome"] == "never_started"


def test_a_key_makes_one_run_however_often_it_is_sent(client, declare):
    declare(playbooks.HELLO)

    ids = {trigger(client, {"reason": "once"}, **{"Idempotency-Key": "k"}) for _ in range(3)}
    other = client.call(
        "POST", "/templates/mine/runs", {"reason": "twice"}, **{"Idempotency-Key": "k"}
    )

    assert len(ids) == 1
    assert other.status == 422
    assert len(client.call("GET", "/runs").json["runs"]) == 1


def test_waiting_answers_with_the_end(client, formation, declare):
    formation.start_runner()
    declare(playbooks.FAILING)

    answer = client.call("POST", "/templates/mine/runs?wait=30")

    assert answer.status == 200
    assert (answer.json["state"], answer.json["exit_code"]) == ("failed", 2)


def test_what_is_not_accepted_runs_nothing(client, declare):
    declare(playbooks.HELLO, accepts={"count": {"type": "integer"}})

    answer = client.call(
        "POST",
        "/templates/mine/runs",
        {"vars": {"count": "5", "other": 1}, "limit": "all", "unknown": True},
    )

    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    fields = {error["field"] for error in answer.json["errors"]}
    assert fields == {"unknown"} or fields == {"vars.count", "vars.other", "limit"}
    assert client.call("GET", "/runs").json["runs"] == []


def test_nobody_gets_in_without_the_token(client, formation):
    stranger = Client(formation.port, token="other")

    assert stranger.call("GET", "/runs").status == 401
    assert stranger.call("POST", "/runs/1/stop").status == 401
    assert [stranger.call("GET", path).status for path in ("//health", "//ready", "//docs")] == [
        200
    ] * 3


COUNTED = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo $CURTAIN_RUN >> {file}
    - command: sleep {{{{ seconds }}}}
"""


def test_a_deploy_of_everything_interrupts_one_run_and_plays_the_rest_once(
    client, formation, declare, living, tmp_path
):
    """SIGTERM to web and runner, with one run playing and three queued; then a new start."""
    formation.start_runner(RUNNER_SLOTS="1")
    accepts = {"seconds": {"type": "integer", "default": 0}}
    declare(COUNTED.format(file=tmp_path / "plays"), accepts=accepts)
    playing = trigger(client, {"vars": {"seconds": 300}})
    wait_until(lambda: (tmp_path / "plays").exists())
    waiting = [trigger(client) for _ in range(3)]

    formation.stop()

    assert living(playing) == []
    client = formation.start_web()
    assert show(client, playing)["state"] == "interrupted"
    assert [show(client, run_id)["state"] for run_id in waiting] == ["queued"] * 3
    formation.start_runner()
    for run_id in waiting:
        wait_until(lambda run_id=run_id: show(client, run_id)["state"] == "succeeded")
    assert sorted(map(int, (tmp_path / "plays").read_text().split())) == [playing, *waiting]
