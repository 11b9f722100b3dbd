"""The page without a browser: who is shown what, and where a stranger is led."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runner.firing import fire
from runner.run import Run
from runner.store import schedules, watch
from runner.store.connection import Connection
from runner.vault import Vault
from tests.api import NO_POSTGRES, TEMPLATE, TOKEN
from tests.ended import end

PATHS = ["/runs", "/templates", "/schedules", "/hooks", "/runners"]
ORIGIN = "http://localhost"


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., FlaskClient]:
    """Makes browsers of those who are signed in."""

    def enter(token: str = TOKEN) -> FlaskClient:
        browser = app.test_client()
        form = {"token": token, "next": "/runs"}
        answer = browser.post("/sign-in", data=form, headers={"Origin": ORIGIN})
        assert answer.status_code == 303
        return browser

    return enter


@pytest.fixture
def sign_in_with(
    client: FlaskClient, sign_in: Callable[..., FlaskClient]
) -> Callable[..., FlaskClient]:
    """Makes browsers of those whose token has certain rights."""

    def enter(*rights: str, templates: tuple[str, ...] = ()) -> FlaskClient:
        body = {"name": "ada", "rights": list(rights), "templates": list(templates)}
        made = client.post("/api/v1/tokens", json=body)
        assert made.status_code == 201, made.json
        return sign_in(made.json["token"])

    return enter


@pytest.mark.parametrize("path", [*PATHS, "/runs/1", "/templates/deploy", "/hooks/push/deliveries"])
def test_a_stranger_is_led_to_the_sign_in_and_back(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)

    assert answer.status_code == 303
    assert answer.location == f"/sign-in?{urlencode({'next': path})}"
    assert f'value="{path}"' in app.test_client().get(answer.location).text


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", ""])
def test_the_sign_in_leads_to_no_other_server(app: Flask, path: str) -> None:
    page = app.test_client().get("/sign-in", query_string={"next": path})

    assert 'name="next" value="/"' in page.text


def test_a_wrong_token_is_told_so(app: Flask) -> None:
    browser = app.test_client()

    answer = browser.post("/sign-in", data={"token": "wrong"}, headers={"Origin": ORIGIN})

    assert "This token is nobody&#39;s" in browser.get(answer.location).text.replace("'", "&#39;")


def test_after_a_sign_out_nothing_is_shown(sign_in: Callable[..., FlaskClient]) -> None:
    browser = sign_in()
    page = browser.get("/runs")
    csrf = page.text.partition('name="csrf" content="')[2].partition('"')[0]

    assert page.status_code == 200
    browser.post("/sign-out", data={"csrf": csrf}, headers={"Origin": ORIGIN})

    assert browser.get("/runs").status_code == 303


@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_shown_and_not_kept(sign_in: Callable[..., FlaskClient], path: str) -> None:
    answer = sign_in().get(path)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_buttons_that_one_may_not_press_are_not_there(
    sign_in_with: Callable[..., FlaskClient], template: str, running: Callable[[], Run]
) -> None:
    run = running()
    reader = sign_in_with("read")

    page = reader.get(f"/runs/{run.id}").text

    assert 'id="stop"' not in page
    assert 'id="force"' not in page
    assert "run-form" not in reader.get(f"/templates/{template}").text
    assert 'data-opens="choose"' not in reader.get("/runs").text


def test_who_may_stop_may_not_force_it(
    sign_in_with: Callable[..., FlaskClient], template: str, running: Callable[[], Run]
) -> None:
    run = running()

    page = sign_in_with("read", "stop").get(f"/runs/{run.id}").text

    assert 'id="stop"' in page
    assert 'id="force"' not in page


def test_what_one_may_not_see_is_not_there(
    client: FlaskClient,
    sign_in_with: Callable[..., FlaskClient],
    template: str,
    running: Callable[[], Run],
) -> None:
    client.put("/api/v1/templates/web-deploy", json=TEMPLATE)
    hook = {"sender": "github", "template": template, "secret": "x" * 32}
    client.put("/api/v1/hooks/push", json=hook)
    client.put("/api/v1/schedules/nightly", json={"template": template, "cron": "0 3 * * *"})
    run = running()
    browser = sign_in_with("read", "run", templates=("web-*",))

    for path in (f"/runs/{run.id}", f"/templates/{template}", "/hooks/push/deliveries"):
        assert browser.get(path).status_code == 404, path
    for path in PATHS:
        assert f"{template} " not in browser.get(path).text, path
        assert f"/{template}" not in browser.get(path).text, path
    assert browser.get("/templates/web-deploy").status_code == 200


def test_a_schedule_is_shown_with_its_times_and_what_came_of_the_last(
    client: FlaskClient, sign_in: Callable[..., FlaskClient], template: str, conn: Connection
) -> None:
    nightly = {"template": template, "cron": "0 3 * * *", "timezone": "Europe/Berlin"}
    made = client.put("/api/v1/schedules/nightly", json=nightly).json
    conn.execute("UPDATE schedules SET next_at = now(), fire_at = now()")
    [seen] = schedules.due(conn, limit=1)
    admitted = fire(conn, Vault("a-key-of-the-tests"), seen, watch.clock(conn))
    assert admitted is not None
    run = admitted.run

    listed, shown = sign_in().get("/schedules").text, sign_in().get(f"/runs/{run.id}").text

    for time in made["next"]:
        assert time["at"].replace("Z", ".000Z") in listed
    assert f'href="/runs/{run.id}">#{run.id}</a>' in listed
    assert "fired" in listed
    assert '<a href="/schedules">nightly</a>, due ' in shown
    assert "schedule nightly" in sign_in().get("/runs").text
    assert "nightly" in sign_in().get(f"/templates/{template}").text


def test_who_may_not_read_is_shown_nothing_and_the_audit_knows(
    sign_in_with: Callable[..., FlaskClient], conn: Connection
) -> None:
    assert sign_in_with("run").get("/runs").status_code == 403

    noted = conn.execute("SELECT target, detail FROM audit WHERE action = 'refused'").fetchall()
    assert noted == [{"target": "GET /runs", "detail": {"right": "read"}}]


def test_a_run_whose_runner_is_silent_is_not_called_running(
    sign_in: Callable[..., FlaskClient], conn: Connection, running: Callable[[], Run]
) -> None:
    run = running()
    conn.execute(
        """UPDATE runs SET lease_expires_at = now() - interval '5 s',
                           heartbeat_at = now() - interval '35 s' WHERE id = %s""",
        [run.id],
    )

    page = sign_in().get(f"/runs/{run.id}").text

    assert "<strong>not known</strong>" in page
    assert "its runner has been silent for 35 s" in page
    assert 'class="state is-stale"' in sign_in().get("/runs").text


def test_a_queued_run_tells_how_many_wait_before_it(
    sign_in: Callable[..., FlaskClient], queued: Callable[[], Run], conn: Connection
) -> None:
    queued(), queued()
    run = queued()

    assert "no runner is there" in sign_in().get(f"/runs/{run.id}").text
    conn.execute(
        "INSERT INTO runners (name, machine, boot, slots) VALUES ('runner-1', 'm', 'b', 1)"
    )

    assert (
        "0 of 1 slot of the runners that serve it are taken; 2 before it"
        in sign_in().get(f"/runs/{run.id}").text
    )


def test_secrets_are_not_in_the_page(
    sign_in: Callable[..., FlaskClient], client: FlaskClient, template: str
) -> None:
    body = {"vars": {"password": "hunter2hunter2"}}
    run = client.post(f"/api/v1/templates/{template}/runs", json=body).json

    page = sign_in().get(f"/runs/{run['id']}").text

    assert "********" in page
    assert "hunter2" not in page


@pytest.mark.parametrize("query", ["state=nothing", "before=x", "trigger=a", "template=A!"])
def test_a_filter_that_cannot_be_is_refused_in_words(
    sign_in: Callable[..., FlaskClient], query: str
) -> None:
    answer = sign_in().get(f"/runs?{query}")

    assert answer.status_code == 422
    assert answer.mimetype == "text/html"


def test_an_empty_field_filters_nothing(
    sign_in: Callable[..., FlaskClient], queued: Callable[[], Run]
) -> None:
    run = queued()

    assert f"#{run.id}" in sign_in().get("/runs?template=&trigger=&state=").text


def test_without_postgres_the_page_says_so(make_client: Callable[..., FlaskClient]) -> None:
    browser = make_client(database_url=NO_POSTGRES)

    answer = browser.get("/runs")

    assert answer.status_code == 503
    assert "The database does not answer" in answer.text


@pytest.mark.parametrize("path", ["/templates", "/schedules", "/hooks"])
def test_a_place_in_a_list_that_no_name_can_have_is_refused(
    sign_in: Callable[..., FlaskClient], path: str
) -> None:
    answer = sign_in().get(path, query_string={"after": "a\0b"})

    assert (answer.status_code, answer.mimetype) == (422, "text/html")


def test_older_runs_are_those_of_the_same_filter(
    sign_in: Callable[..., FlaskClient], template: str, conn: Connection
) -> None:
    end(conn, count=60)
    filtered = {"template": "deploy", "since": "2020-01-01T00:00:00Z", "state": "succeeded"}

    page = sign_in().get("/runs", query_string=filtered)

    older = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert older
    asked = parse_qs(urlsplit(unescape(older[1])).query)
    assert {name: values[0] for name, values in asked.items() if name != "before"} == filtered
