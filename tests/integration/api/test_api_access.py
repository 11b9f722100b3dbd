"""Who may do what: every operation there is, with each right, within and without patterns."""

import re

import pytest

from app.api import PREFIX
from app.rights import Right, complete
from runner.run import Trigger
from runner.store import runs, stops
from runner.template import Template
from runner.wanted import Wanted
from tests.api import TEMPLATE
from tests.sides import ABOUT_ONE, BODIES, CLOSED, HOOK, call


@pytest.mark.parametrize("right", list(Right))
def test_every_operation_needs_its_right(make_side, caller, right: Right) -> None:
    side, somebody = make_side("inside-web"), caller(right)

    wrong = []
    for operation in CLOSED:
        may = operation.is_for_every_caller or operation.right in complete([right])
        response = call(somebody, operation, side)
        is_refused = response.status_code == 403
        if is_refused == may or response.status_code in (401, 500):
            wrong.append((operation.name, response.status_code))
        if is_refused and response.json["right"] != operation.right:
            wrong.append((operation.name, response.json))

    assert wrong == []


def test_what_a_token_does_not_see_is_not_there(make_side, caller) -> None:
    """Whatever it may do elsewhere; and what it sees is there for it."""
    inside, outside = make_side("inside-web"), make_side("outside-db")
    somebody = caller("admin", templates=("inside-*",))

    wrong = []
    for operation in sorted(ABOUT_ONE, key=lambda each: each.method == "DELETE"):
        seen, hidden = call(somebody, operation, inside), call(somebody, operation, outside)
        expected = 403 if operation.needs_all_templates else 404
        if hidden.status_code != expected:
            wrong.append((operation.name, "outside", hidden.status_code))
        if not operation.needs_all_templates and seen.status_code in (401, 403, 404, 500):
            wrong.append((operation.name, "inside", seen.status_code, seen.json))

    assert wrong == []


#: Lists that name no template; a notification has its run's number.
OF_NO_TEMPLATE = {"list_notifications", "list_runners", "show_maintenance"}


def test_lists_have_only_what_a_token_sees(make_side, caller) -> None:
    make_side("inside-web"), make_side("outside-db")
    somebody = caller("admin", templates=("inside-*",))
    lists = [each for each in CLOSED if each.method == "GET" and "<" not in each.path]

    told = {each.name: somebody.get(PREFIX + each.path) for each in lists}

    hidden = {each.name for each in lists if each.needs_all_templates}
    assert {name: response.status_code for name, response in told.items()} == {
        each.name: 403 if each.needs_all_templates else 200 for each in lists
    }
    for name in told.keys() - hidden - {"show_me"}:
        assert "inside-web" in told[name].text or name in OF_NO_TEMPLATE, name
        assert "outside" not in told[name].text, name
    assert len(told["list_notifications"].json["notifications"]) == 1


def test_pages_of_runs_are_full_whoever_looks(client, conn, caller) -> None:
    spec = Template.model_validate(TEMPLATE).spec()
    templates = [f"{side}-{number}" for number in range(3) for side in ("inside", "outside")]
    for number in range(60):
        template = templates[number * 7 % 6]
        run = runs.insert(conn, Wanted(template=template, spec=spec, trigger=Trigger.API, by="x"))
        if number % 4:
            stops.request_stop(conn, run.id, by="x", reason=None, force=False)
    somebody = caller("read", templates=("inside-*", "!inside-2"))

    for query in ("", "state=queued", "state=queued&state=stopped", "template=inside-1"):
        everything = client.get(f"/api/v1/runs?limit=500&{query}").json["runs"]
        expected = [run["id"] for run in everything if run["template"] in templates[0:3:2]]
        page, ids = f"/api/v1/runs?limit=7&{query}", []
        while page:
            told = somebody.get(page).json
            ids += [run["id"] for run in told["runs"]]
            assert len(told["runs"]) == 7 or told["next"] is None
            page = told["next"]
        assert ids == expected, query
    assert somebody.get("/api/v1/runs?template=outside-1").json["runs"] == []


def test_a_template_keeps_runs_hidden_when_it_is_gone(client, conn, make_side, caller) -> None:
    side = make_side("outside-db")
    client.delete(f"/api/v1/hooks/{side.hook}")
    client.delete(f"/api/v1/schedules/{side.schedule}")
    assert client.delete("/api/v1/templates/outside-db").status_code == 204

    assert (
        caller("admin", templates=("inside-*",)).get(f"/api/v1/runs/{side.run}").status_code == 404
    )
    seeing = caller("read", templates=("outside-*",))
    assert [run["id"] for run in seeing.get("/api/v1/runs").json["runs"]] == [side.run]


def test_a_chats_hook_is_for_who_sees_everything(client, caller) -> None:
    people = [{"users": ["U1"], "rights": ["run"]}]
    chat = {"sender": "slack", "secret": "x" * 20, "people": people}
    assert client.put("/api/v1/hooks/ops", json=chat).status_code == 201
    narrow = caller("admin", templates=("**",), name="narrow")
    reading = caller("read", name="reading")

    for somebody in (narrow, reading):
        assert somebody.get("/api/v1/hooks/ops").status_code == 404
        assert somebody.get("/api/v1/hooks").json["hooks"] == []
    assert narrow.put("/api/v1/hooks/ops", json=chat).status_code == 404
    assert narrow.put("/api/v1/hooks/mine", json=chat).status_code == 403
    assert [hook["name"] for hook in client.get("/api/v1/hooks").json["hooks"]] == ["ops"]


def test_a_hook_is_not_taken_over_by_who_does_not_see_it(client, make_side, caller) -> None:
    inside, outside = make_side("inside-web"), make_side("outside-db")
    somebody = caller("admin", templates=("inside-*",))

    mine = HOOK | {"template": inside.template}
    taken = somebody.put(f"/api/v1/hooks/{outside.hook}", json=mine)
    lent = somebody.put("/api/v1/hooks/new", json=HOOK | {"template": outside.template})

    assert (taken.status_code, lent.status_code) == (404, 422)
    assert client.get(f"/api/v1/hooks/{outside.hook}").json["template"] == "outside-db"


def test_who_sees_some_templates_gives_them_no_credential(client, make_side, caller) -> None:
    make_side("inside-web")
    for name in ("known", "others"):
        client.put(f"/api/v1/credentials/{name}", json=BODIES["put_credential"])
    known = TEMPLATE | {"credentials": ["known"]}
    assert client.put("/api/v1/templates/inside-web", json=known).status_code == 200
    somebody = caller("admin", templates=("inside-*",))

    kept = somebody.put("/api/v1/templates/inside-web", json=known | {"timeout": 7})
    given = somebody.put(
        "/api/v1/templates/inside-web", json=TEMPLATE | {"credentials": ["others"]}
    )
    absent = somebody.put("/api/v1/templates/inside-web", json=TEMPLATE | {"credentials": ["none"]})

    assert (kept.status_code, given.status_code, absent.status_code) == (200, 422, 422)
    assert given.json["errors"] == absent.json["errors"]  # nobody learns what there is


def test_who_sees_some_templates_has_no_other_run_afterwards(client, make_side, caller) -> None:
    make_side("inside-web"), make_side("outside-db")
    somebody, path = caller("admin", templates=("inside-*",)), "/api/v1/templates/inside-web"

    def following(*templates: str, **more) -> dict:
        return TEMPLATE | {"then": [{"template": name, **more} for name in templates]}

    hidden = somebody.put(path, json=following("inside-web", "outside-db", when="always"))
    assert (hidden.status_code, [fault["field"] for fault in hidden.json["errors"]]) == (
        422,
        ["then.1.template"],
    )
    assert somebody.put(path, json=following("inside-web")).status_code == 200
    client.put(path, json=following("outside-db"))

    kept = somebody.put(path, json=following("outside-db") | {"timeout": 7})
    changed = somebody.put(path, json=following("outside-db", vars={"version": "2"}))

    assert (kept.status_code, changed.status_code) == (200, 422)


@pytest.mark.parametrize("when_busy", ["replace", "coalesce"])
def test_who_sees_some_templates_stops_no_others_by_a_group(client, make_side, caller, when_busy):
    make_side("inside-web")
    somebody, path = caller("admin", templates=("inside-*",)), "/api/v1/templates/inside-web"

    def grouped(group: str, when_busy: str = when_busy) -> dict:
        return TEMPLATE | {"concurrency": {"group": group, "when_busy": when_busy}}

    for group in ("prod", "{vars.version}"):
        hidden = somebody.put(path, json=grouped(group))
        assert hidden.status_code == 422
        assert [fault["field"] for fault in hidden.json["errors"]] == ["concurrency.group"]
    assert somebody.put(path, json=grouped("prod", "queue")).status_code == 200
    assert somebody.put(path, json=grouped("inside-{vars.version}")).status_code == 200
    client.put(path, json=grouped("prod"))

    kept = somebody.put(path, json=grouped("prod") | {"timeout": 7})
    changed = somebody.put(path, json=TEMPLATE | {"timeout": 8})

    assert (kept.status_code, changed.status_code) == (200, 200)


def test_to_force_needs_the_right_to_kill(client, running, caller) -> None:
    stopping, killing = caller("stop", name="stopping"), caller("kill", name="killing")
    run = running()
    stop = f"/api/v1/runs/{run.id}/stop"

    refused = stopping.post(stop, json={"force": True})
    assert (refused.status_code, refused.json["right"]) == (403, "kill")
    assert client.get(f"/api/v1/runs/{run.id}").json["stop"] is None
    assert stopping.post(stop).status_code == 202
    forced = killing.post(stop, json={"force": True})

    assert forced.status_code == 202
    assert forced.json["stop"]["by"] == "stopping"
    assert forced.json["stop"]["forced_by"] == "killing"


@pytest.mark.parametrize(
    ("rights", "said", "status"),
    [
        (("read",), "templates", 200),
        (("read",), "run inside-web", 403),
        (("run",), "run inside-web", 202),
        (("run",), "run outside-db", 403),  # whether or not there is one
        (("run",), "stop {run}", 403),
        (("stop",), "stop {run}", 202),
        (("stop",), "stop {run} force", 403),
        (("kill",), "stop {run} force", 202),
        (("stop",), "status {run}", 403),
    ],
)
def test_a_bot_may_say_what_its_token_may(client, conn, make_side, caller, rights, said, status):
    make_side("inside-web"), make_side("outside-db")
    run = client.post("/api/v1/templates/inside-web/runs").json["id"]

    response = caller(*rights, templates=("inside-*",)).post(
        "/api/v1/chat", json={"text": said.format(run=run)}
    )

    assert response.status_code == status, response.json


def test_a_key_that_was_used_by_another_of_that_name_shows_no_run(make_side, caller) -> None:
    side = make_side("inside-web")
    key = {"Idempotency-Key": "build-7"}
    rerun = f"/api/v1/runs/{side.run}/rerun"
    assert caller("run").post(rerun, headers=key).status_code == 202

    again = caller("run", templates=("other-*",)).post(rerun, headers=key)

    assert again.status_code == 404


def test_the_specification_says_which_right_each_needs(client) -> None:
    paths = client.get("/openapi.json").json["paths"]

    for operation in CLOSED:
        path = PREFIX + re.sub("<(.+?)>", r"{\1}", operation.path)
        described = paths[path][operation.method.lower()]
        needed = [] if operation.is_for_every_caller else [{"token": [operation.right]}]
        assert described.get("security", []) == needed
        assert {"401", "403", "429"} <= described["responses"].keys()
