"""Schedules over HTTP: declaring them, what they show, and who may."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from runner.store.connection import Connection
from tests.api import TEMPLATE
from tests.waiting import wait_until

SCHEDULE = "/api/v1/schedules/nightly"
NIGHTLY: dict[str, Any] = {
    "template": "deploy",
    "cron": "0 3 * * 1-5",
    "timezone": "Europe/Berlin",
    "vars": {"version": "1.2"},
    "limit": "web1",
    "reason": "every night",
}
SECRET = "hunter2-of-the-night"


@pytest.fixture
def put(client: FlaskClient, template: str) -> Callable[..., Any]:
    """Declare the schedule, with changes."""

    def put_one(**changes: Any) -> Any:
        body = {name: value for name, value in {**NIGHTLY, **changes}.items() if value is not None}
        response = client.put(SCHEDULE, json=body)
        assert response.status_code in (200, 201), response.text
        return response.json

    return put_one


def later(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def set_due(conn: Connection, ago: str, name: str = "nightly") -> None:
    """Let it be due since a while, as if nobody had looked."""
    conn.execute(
        """UPDATE schedules SET next_at = date_trunc('minute', now() - %(ago)s::interval),
                                fire_at = date_trunc('minute', now() - %(ago)s::interval)
            WHERE name = %(name)s""",
        {"ago": ago, "name": name},
    )


def stored(conn: Connection) -> dict[str, Any]:
    row = conn.execute("SELECT * FROM schedules").fetchone()
    assert row is not None
    return row


def test_a_schedule_shows_its_next_five_times(client: FlaskClient, put: Callable[..., Any]) -> None:
    made = put()

    times = [datetime.fromisoformat(each["local"]) for each in made["next"]]
    assert len(times) == 5
    assert all((each.hour, each.minute) == (3, 0) and each.weekday() < 5 for each in times)
    assert [datetime.fromisoformat(each["at"]) for each in made["next"]] == times
    assert all(each["at"].endswith("Z") for each in made["next"])
    assert times == sorted(times)
    assert times[0] > datetime.now(UTC)
    assert made["last"] is None
    assert made["spec"] == {**NIGHTLY, "jitter": 0, "catch_up": "skip", "paused": False}
    assert client.get(SCHEDULE).json == made
    assert client.get("/api/v1/schedules").json == {"schedules": [made], "next": None}


def test_one_time_is_shown_by_its_own_offset(put: Callable[..., Any]) -> None:
    made = put(cron=None, timezone=None, at="2099-12-01T03:00:00+01:00")

    assert made["next"] == [{"at": "2099-12-01T02:00:00Z", "local": "2099-12-01T03:00:00+01:00"}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"template": "unknown"}, "template"),
        ({"vars": {"other": 1}}, "vars.other"),
        ({"vars": {"version": "latest"}}, "vars.version"),
        ({"diff": True}, "diff"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": None}, "the body"),
        ({"cron": None, "timezone": None, "at": "2020-01-01T00:00:00Z"}, "at"),
        ({"cron": None, "timezone": None, "at": "2020-01-01T00:00:00Z", "paused": True}, "at"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    client: FlaskClient, template: str, change: dict[str, Any], field: str
) -> None:
    response = client.put(SCHEDULE, json={**NIGHTLY, **change})

    assert response.status_code == 422
    assert response.json is not None
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert client.get(SCHEDULE).status_code == 404


def test_secret_variables_are_kept_and_never_shown(
    client: FlaskClient, put: Callable[..., Any], conn: Connection
) -> None:
    made = put(vars={"version": "1.2", "password": SECRET})
    again = put()

    assert made["secret_vars"] == again["secret_vars"] == ["password"]
    assert made["spec"]["vars"] == again["spec"]["vars"] == {"version": "1.2"}
    row = conn.execute("SELECT schedules::text AS text FROM schedules").fetchone()
    audited = conn.execute("SELECT string_agg(audit::text, ' ') AS text FROM audit").fetchone()
    assert row is not None
    assert audited is not None
    assert SECRET not in row["text"] + audited["text"]
    assert SECRET.encode().hex() not in row["text"]
    assert SECRET not in client.get("/api/v1/schedules").text


def test_another_template_gets_no_secret_of_the_first(
    client: FlaskClient, put: Callable[..., Any], conn: Connection
) -> None:
    client.put("/api/v1/templates/other", json=TEMPLATE)
    put(vars={"password": SECRET})

    assert put(template="other")["secret_vars"] == []
    assert stored(conn)["sealed"] is None


def test_a_required_secret_must_have_been_given(
    client: FlaskClient, template: str, put: Callable[..., Any]
) -> None:
    required = {"password": {"type": "string", "secret": True, "required": True}}
    client.put("/api/v1/templates/deploy", json=TEMPLATE | {"accepts": required})
    without = NIGHTLY | {"vars": {}}

    refused = client.put(SCHEDULE, json=without)
    put(vars={"password": SECRET})

    assert refused.json is not None
    assert [each["field"] for each in refused.json["errors"]] == ["vars.password"]
    assert client.put(SCHEDULE, json=without).status_code == 200


def test_put_again_a_due_time_stays(put: Callable[..., Any], conn: Connection) -> None:
    put(cron="* * * * *")
    set_due(conn, "1 minute")
    before = stored(conn)["next_at"]

    put(cron="* * * * *", reason="another")
    put(cron="*/1 * * * *", timezone="America/New_York")

    assert stored(conn)["next_at"] == before


def test_other_times_begin_now(put: Callable[..., Any], conn: Connection) -> None:
    put(cron="* * * * *")
    set_due(conn, "2 days")

    made = put(cron="0 0 1 1 *", timezone=None)

    assert made["next"][0]["at"] > datetime.now(UTC).isoformat()
    assert made["next"][0]["at"].endswith("-01-01T00:00:00Z")


def test_what_was_due_while_it_was_paused_is_over(
    put: Callable[..., Any], conn: Connection
) -> None:
    put(cron="* * * * *", catch_up="once")
    set_due(conn, "1 hour")

    paused = put(cron="* * * * *", catch_up="once", paused=True)
    resumed = put(cron="* * * * *", catch_up="once")

    assert paused["next"] == []
    assert datetime.fromisoformat(resumed["next"][0]["at"]) > datetime.now(UTC)


def test_one_time_that_is_over_may_be_put_again_but_not_resumed(
    client: FlaskClient, put: Callable[..., Any], conn: Connection
) -> None:
    at = later(seconds=3)
    once = {"cron": None, "timezone": None, "at": at, "paused": True}
    put(**once)
    is_over = "SELECT now() > %s::timestamptz AS yes"
    wait_until(lambda: conn.execute(is_over, [at]).fetchone()["yes"])

    assert put(**once, reason="still paused")["next"] == []
    body = {name: value for name, value in {**NIGHTLY, **once}.items() if value is not None}
    resumed = client.put(SCHEDULE, json=body | {"paused": False})

    assert resumed.json is not None
    assert [each["field"] for each in resumed.json["errors"]] == ["at"]


def test_a_template_that_is_scheduled_is_not_deleted(
    client: FlaskClient, put: Callable[..., Any]
) -> None:
    put()

    refused = client.delete("/api/v1/templates/deploy")
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["schedules"] == ["nightly"]
    assert "run by the schedules nightly" in refused.json["detail"]

    assert client.delete(SCHEDULE).status_code == 204
    assert client.delete(SCHEDULE).status_code == 404
    assert client.delete("/api/v1/templates/deploy").status_code == 204


def test_what_is_declared_is_audited(client: FlaskClient, put: Callable[..., Any]) -> None:
    put()
    put(reason="another", vars={"password": SECRET})
    client.delete(SCHEDULE)

    entries = client.get("/api/v1/audit?target=schedule nightly").json["entries"]
    assert [(each["action"], each["template"]) for each in entries] == [
        ("schedule.delete", "deploy"),
        ("schedule.put", "deploy"),
        ("schedule.put", "deploy"),
    ]
    assert entries[1]["before"]["reason"] == "every night"
    assert entries[1]["after"]["reason"] == "another"
    assert entries[1]["detail"] == {"has_new_secret": True}


def test_only_what_a_token_sees_is_scheduled_by_it(client: FlaskClient, caller: Any) -> None:
    for name in ("prod-web", "test-web"):
        client.put(f"/api/v1/templates/{name}", json=TEMPLATE)
    client.put("/api/v1/schedules/prod", json=NIGHTLY | {"template": "prod-web"})
    somebody = caller("admin", templates=("test-*",))

    prod, test = NIGHTLY | {"template": "prod-web"}, NIGHTLY | {"template": "test-web"}
    assert somebody.put("/api/v1/schedules/mine", json=prod).status_code == 422
    assert somebody.put("/api/v1/schedules/mine", json=test).status_code == 201
    assert somebody.put("/api/v1/schedules/prod", json=test).status_code == 404
    assert somebody.put("/api/v1/schedules/mine", json=prod).status_code == 422
    assert somebody.get("/api/v1/schedules/prod").status_code == 404
    assert somebody.delete("/api/v1/schedules/prod").status_code == 404
    names = [each["name"] for each in somebody.get("/api/v1/schedules").json["schedules"]]
    assert names == ["mine"]
    assert client.get("/api/v1/schedules/prod").json["spec"]["template"] == "prod-web"


def test_schedules_are_listed_by_pages(client: FlaskClient, template: str) -> None:
    for name in ("a", "b", "c"):
        client.put(f"/api/v1/schedules/{name}", json=NIGHTLY)

    first = client.get("/api/v1/schedules?limit=2").json
    second = client.get(first["next"]).json

    names = [[each["name"] for each in page["schedules"]] for page in (first, second)]
    assert names == [["a", "b"], ["c"]]
    assert second["next"] is None


def test_one_of_a_version_to_come_is_shown_and_may_be_put_anew(
    client: FlaskClient, put: Callable[..., Any], conn: Connection
) -> None:
    put()
    conn.execute("""UPDATE schedules SET spec = spec || '{"of_tomorrow": true}'""")

    one = client.get(SCHEDULE).json
    listed = client.get("/api/v1/schedules").json

    assert one is not None
    assert listed is not None
    assert (one["readable"], one["next"]) == (False, [])
    assert one["spec"]["of_tomorrow"]
    assert listed["schedules"] == [one]
    assert "not by this version" in client.get("/schedules").text
    again = put()
    assert (again["readable"], len(again["next"])) == (True, 5)
