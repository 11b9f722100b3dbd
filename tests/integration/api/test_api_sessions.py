"""Sessions of browsers: begun with a token, ended with it, and of no use to another site's page."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask, current_app
from flask.testing import FlaskClient

from app import sessions
from app.factory import create_app
from app.services import services_of
from runner.settings import Settings
from runner.vault import Vault
from tests.api import TEMPLATE, TOKEN

OWN = {"Origin": "http://localhost"}
ME = "/api/v1/me"
RUNS = "/api/v1/templates/deploy/runs"


@pytest.fixture
def now() -> list[float]:
    """The time, in its only item."""
    return [1_800_000_000.0]


@pytest.fixture
def app(settings: Settings, now: list[float]):
    """The application, by a clock of the test's."""
    app = create_app(settings, lambda: now[0])

    def page() -> str:
        return sessions.csrf_token()

    app.add_url_rule("/page", view_func=page, methods=["GET", "POST"])
    yield app
    services_of(app).close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser: it has cookies and no token."""
    return app.test_client()


def sign_in(browser: FlaskClient, token: str = TOKEN, **fields: str) -> Any:
    return browser.post("/sign-in", data={"token": token, **fields}, headers=OWN)


def csrf(browser: FlaskClient) -> str:
    return browser.get("/page").text


@pytest.fixture
def made(client: FlaskClient) -> Callable[..., str]:
    """Makes tokens."""

    def make(name: str = "ada", **fields: object) -> str:
        return client.post("/api/v1/tokens", json={"name": name, **fields}).json["token"]

    return make


def test_a_session_has_the_rights_of_its_token(browser, made) -> None:
    assert sign_in(browser, made(rights=["stop"], templates=["web-*"])).status_code == 303

    me = browser.get(ME).json
    assert (me["name"], me["rights"], me["templates"]) == ("ada", ["stop"], ["web-*"])


def test_the_cookie_holds_no_token_and_no_script_reads_it(browser, made, settings) -> None:
    token = made()

    response = sign_in(browser, token)

    cookie = response.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Secure" not in cookie
    opened = Vault(settings.secret_key).open(browser.get_cookie("curtain").value.encode())
    assert token.rpartition("_")[2] not in cookie + str(opened)


def test_what_came_by_https_stays_there(browser) -> None:
    secure = browser.post(
        "/sign-in", data={"token": TOKEN}, headers={"Origin": "https://localhost"}
    )

    assert "Secure" in secure.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/runs/12?tail=1", "/runs/12?tail=1"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: b", "/"),
        ("runs", "/"),
    ],
)
def test_signing_in_leads_to_no_other_place(browser, wanted: str, leads_to: str) -> None:
    assert sign_in(browser, next=wanted).headers["Location"] == leads_to
    wrong = sign_in(browser, "wrong", next=wanted).headers["Location"]
    assert wrong.startswith("/sign-in?wrong=1&")


def test_a_wrong_token_leads_back_to_the_form(browser) -> None:
    response = sign_in(browser, "wrong", next="/runs")

    assert response.status_code == 303
    assert response.headers["Location"] == "/sign-in?wrong=1&next=%2Fruns"
    assert "Set-Cookie" not in response.headers


def test_who_is_not_signed_in_is_led_to_the_form(browser) -> None:
    response = browser.get("/page?a=b")

    assert response.status_code == 303
    assert response.headers["Location"] == "/sign-in?next=%2Fpage%3Fa%3Db"
    assert browser.post("/page", headers=OWN).status_code == 401
    assert browser.get(ME).status_code == 401


def test_a_session_ends_after_twelve_hours(browser, now) -> None:
    sign_in(browser)

    now[0] += 12 * 3600 - 1
    before = browser.get(ME).status_code
    now[0] += 1
    # Also of a browser that keeps the cookie for longer than it should.
    assert (before, browser.get(ME).status_code) == (200, 401)


def test_a_session_ends_with_its_token(browser, client, made, now) -> None:
    until = "2027-01-15T09:00:00Z"  # an hour later
    sign_in(browser, made("ada"))
    assert browser.get(ME).status_code == 200
    client.delete("/api/v1/tokens/ada")
    made("ada")  # another of that name

    assert browser.get(ME).status_code == 401

    sign_in(browser, made("bob", expires_at=until))
    assert browser.get(ME).status_code == 200
    now[0] += 3600
    assert browser.get(ME).status_code == 401


def test_a_session_ends_with_the_token_of_the_settings(browser, settings: Settings, now) -> None:
    sign_in(browser)
    cookie = browser.get_cookie("curtain").value
    changed = create_app(settings.model_copy(update={"admin_token": "another" * 4}), lambda: now[0])
    other = changed.test_client()
    other.set_cookie("curtain", cookie)

    assert other.get(ME).status_code == 401
    services_of(changed).close()


def test_a_cookie_that_was_copied_is_worth_nothing_after_signing_out(browser, app) -> None:
    sign_in(browser)
    thief = app.test_client()
    thief.set_cookie("curtain", browser.get_cookie("curtain").value)
    assert thief.get(ME).status_code == 200

    out = browser.post("/sign-out", data={"csrf": csrf(browser)}, headers=OWN)

    assert (out.status_code, out.headers["Location"]) == (303, "/sign-in")
    assert browser.get_cookie("curtain") is None
    assert thief.get(ME).status_code == 401


@pytest.mark.parametrize(
    ("origin", "token", "status"),
    [
        ("http://localhost", "own", 202),
        ("https://localhost", "own", 202),  # the platform's router speaks TLS
        ("https://curtain.example", "own", 202),  # as CURTAIN_URL says
        ("http://localhost", "", 403),
        ("http://localhost", "other", 403),
        ("http://localhost", "f" * 64, 403),
        ("https://evil.example", "own", 403),
        ("https://localhost.evil.example", "own", 403),
        ("http://localhost@evil.example", "own", 403),
        ("null", "own", 403),
        ("http://", "own", 403),
        (None, "own", 403),
    ],
)
def test_another_sites_page_changes_nothing(
    settings: Settings, origin: str | None, token: str, status: int
) -> None:
    app = create_app(settings.model_copy(update={"url": "https://curtain.example/"}))
    app.add_url_rule("/page", view_func=sessions.csrf_token)
    browser, other = app.test_client(), app.test_client()
    for each in (browser, other):
        sign_in(each)
    tokens = {"own": csrf(browser), "other": csrf(other)}
    declared = {"Authorization": f"Bearer {TOKEN}"}
    browser.put("/api/v1/templates/deploy", json=TEMPLATE, headers=declared)

    headers = {"X-CSRF-Token": tokens.get(token, token)} | ({"Origin": origin} if origin else {})
    response = browser.post(RUNS, headers=headers)

    assert response.status_code == status
    assert len(browser.get("/api/v1/runs").json["runs"]) == (status == 202)
    services_of(app).close()


def test_a_plain_form_sends_it_as_a_field(browser) -> None:
    sign_in(browser)

    assert browser.post("/page", data={"csrf": csrf(browser)}, headers=OWN).status_code == 200
    assert browser.post("/page", data={"csrf": "x"}, headers=OWN).status_code == 403


def test_another_site_signs_nobody_in(browser) -> None:
    """Else somebody would work as somebody else, and not know."""
    headers = {"Origin": "https://evil.example"}

    response = browser.post("/sign-in", data={"token": TOKEN}, headers=headers)

    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


def test_a_token_beats_a_cookie_and_needs_no_origin(browser, made) -> None:
    sign_in(browser)
    authorization = {"Authorization": f"Bearer {made('ada')}"}

    assert browser.get(ME, headers=authorization).json["name"] == "ada"
    assert browser.post(RUNS, headers=authorization).status_code == 403  # it may only look
    assert browser.get(ME, headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize(
    "forged",
    [
        lambda vault: "x",
        lambda vault: "ü\udcff",
        lambda vault: Fernet(Fernet.generate_key()).encrypt(b'{"session": {}}').decode(),
        lambda vault: vault.seal({"key": "00"}).decode(),  # something else that we have sealed
        lambda vault: (
            Vault("another-key-altogether")
            .seal({"session": {"id": "i", "token": "admin", "until": 2e9}})
            .decode()
        ),
        lambda vault: vault.seal({"session": {"id": "i", "token": "admin", "until": 2e9}}).decode(),
    ],
)
def test_no_other_cookie_is_believed(browser, app, forged) -> None:
    with app.app_context():
        vault = services_of(current_app).vault
    cookie = forged(vault).encode("utf-8", "surrogateescape").decode("latin-1")

    assert browser.get(ME, headers={"Cookie": f"curtain={cookie}"}).status_code == 401


def test_signing_in_and_out_is_in_the_audit(browser, client, made) -> None:
    sign_in(browser, made())
    browser.post("/sign-out", data={"csrf": csrf(browser)}, headers=OWN)

    entries = client.get("/api/v1/audit?actor=ada").json["entries"]

    assert [entry["action"] for entry in entries] == ["session.end", "session.begin"]


@pytest.mark.parametrize("origin", ["http://[", "https://[::1", "http://[x]/"])
def test_an_origin_that_is_no_address_is_not_ours(browser, origin) -> None:
    response = browser.post("/sign-in", data={"token": TOKEN}, headers={"Origin": origin})

    assert response.status_code == 403


def test_a_secret_variable_is_no_session(app, browser, made, now) -> None:
    """Whoever may run a template says what is sealed, and may see it in a dump of the database."""
    token = made(rights=["admin"]).split("_")[1]
    forged = {"session": {"id": "x", "token": token, "until": now[0] + 9}}

    browser.set_cookie("curtain", services_of(app).vault.seal(forged).decode())

    assert browser.get(ME).status_code == 401
