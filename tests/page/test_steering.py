"""Run, watch, stop, force a stop and rerun, as people do it: in a browser."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.formation import Client
from tests.page.conftest import is_final, sign_in, template
from tests.page.seeing import Seen
from tests.repositories import make_repository
from tests.waiting import wait_until

Open = Callable[..., Page]
Start = Callable[..., int]


def run_id_of(page: Page) -> int:
    """The run whose page this is."""
    # Looked at again and again: to wait for the navigation fails where a second one replaces it.
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    return int(page.url.rpartition("/")[2])


def test_a_run_is_started_by_the_form_and_watched_to_its_end(open_page: Open, api: Client) -> None:
    page = open_page("/runs")

    page.get_by_role("button", name="Run…").click()
    page.get_by_role("dialog").get_by_role("link", name="try").click()
    expect(page.get_by_label("seconds")).to_be_focused()
    page.get_by_label("words").fill("hello from the form")
    page.get_by_label("Reason").fill("to see it")
    page.get_by_role("button", name="Run", exact=True).click()

    run_id = run_id_of(page)
    expect(page.locator("#standing")).to_contain_text("succeeded")
    expect(page.locator("#log")).to_contain_text("hello from the form")
    assert api.call("GET", f"/runs/{run_id}").json["reason"] == "to see it"
    expect(page.get_by_role("button", name="Rerun…")).to_be_visible()
    expect(page.get_by_role("button", name="Stop…")).to_have_count(0)


def test_what_is_typed_before_the_script_is_there_stays_and_is_sent_nowhere(
    open_page: Open, api: Client
) -> None:
    page = open_page("/runs")
    held: list[Route] = []
    page.route("**/js/template.js*", lambda route: held.append(route))

    page.goto(f"http://127.0.0.1:{api.port}/templates/try?run", wait_until="commit")
    page.get_by_label("words").fill("hello")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    page.get_by_label("words").press("Enter")
    wait_until(lambda: page.evaluate("1") and held)
    held[0].continue_()
    page.wait_for_load_state()

    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    expect(page.get_by_label("words")).to_be_focused()
    expect(page.get_by_label("words")).to_have_value("hello")
    assert page.url.endswith("/templates/try?run")


def go_without(page: Page, script: str, api: Client, path: str) -> list[Route]:
    """Go there, and hold back one of its scripts; it is asked for when this returns."""
    held: list[Route] = []
    page.route(f"**/js/{script}*", lambda route: held.append(route))
    page.goto(f"http://127.0.0.1:{api.port}{path}", wait_until="commit")
    wait_until(lambda: page.evaluate("1") and held)
    return held


def opens_by(page: Page, button: str) -> bool:
    """Press the button, which may be there before the script that opens its dialog."""
    page.get_by_role("button", name=button, exact=True).click()
    return page.get_by_role("dialog").is_visible()


def test_a_run_is_stopped_before_the_script_of_its_output_is_there(
    open_page: Open, api: Client, start: Start
) -> None:
    run_id = start(seconds=300)
    page = open_page("/runs")

    held = go_without(page, "log/log.js", api, f"/runs/{run_id}")
    wait_until(lambda: opens_by(page, "Stop…"))
    page.get_by_role("dialog").get_by_label("Reason").fill("wrong version")
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()

    expect(page.locator("#result")).to_contain_text("A stop is asked for")
    wait_until(lambda: is_final(api, run_id))
    assert api.call("GET", f"/runs/{run_id}").json["stop"]["reason"] == "wrong version"
    assert page.url.endswith(f"/runs/{run_id}")
    held[0].continue_()
    page.wait_for_load_state()


def test_nothing_is_steered_before_its_script_is_there(
    open_page: Open, api: Client, start: Start
) -> None:
    run_id = start(seconds=300)
    page = open_page("/runs")

    held = go_without(page, "steer.js", api, f"/runs/{run_id}")
    wait_until(lambda: opens_by(page, "Stop…"))
    reason = page.get_by_role("dialog").get_by_label("Reason")
    reason.fill("wrong version")
    reason.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Stop it")).to_be_disabled()
    held[0].continue_()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()

    expect(page.locator("#result")).to_contain_text("A stop is asked for")
    wait_until(lambda: is_final(api, run_id))
    assert api.call("GET", f"/runs/{run_id}").json["stop"]["reason"] == "wrong version"
    assert page.url.endswith(f"/runs/{run_id}")


def test_what_is_typed_outlives_the_session_and_is_sent_in_the_next(
    open_page: Open, api: Client, seen: Seen
) -> None:
    seen.expected += ["401", "403"]
    page = open_page("/templates/try", locale="en-GB")  # a window of its own
    page.get_by_label("words").fill("typed for long")
    page.context.clear_cookies()

    expect(page.locator("#connection")).to_contain_text("You are signed out")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#form-error")).to_contain_text("You are signed out")
    expect(page.get_by_label("words")).to_have_value("typed for long")

    other = page.context.new_page()
    sign_in(other, f"http://127.0.0.1:{api.port}")
    other.close()
    expect(page.locator("#connection")).to_be_hidden()
    page.get_by_role("button", name="Run", exact=True).click()

    run_id_of(page)
    expect(page.locator("#log")).to_contain_text("typed for long")


def test_a_page_in_which_nothing_is_typed_leads_to_the_sign_in(open_page: Open) -> None:
    page = open_page("/templates/try", locale="en-AU")
    page.context.clear_cookies()

    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Ftemplates%2Ftry$"))


def test_a_stop_whose_answer_is_cut_off_can_be_asked_for_again(
    open_page: Open, api: Client, start: Start, seen: Seen
) -> None:
    seen.expected.append("ERR_")
    run_id = start(seconds=300)
    page = open_page(f"/runs/{run_id}")
    page.evaluate(
        """() => {
            const real = window.fetch;
            window.fetch = async (...given) => {
                if (given[1]?.method !== 'POST') return real(...given);
                window.fetch = real;
                const cut = new ReadableStream({ start: (all) => all.error(new TypeError('cut')) });
                return new Response(cut, { status: 202 });
            };
        }"""
    )
    page.get_by_role("button", name="Stop…", exact=True).click()
    stop = page.get_by_role("dialog").get_by_role("button", name="Stop it")

    stop.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("cannot be reached")
    stop.click()

    expect(page.locator("#result")).to_contain_text("A stop is asked for")
    wait_until(lambda: is_final(api, run_id))


def test_a_double_click_starts_one_run(open_page: Open, api: Client, start: Start) -> None:
    before = api.call("GET", "/runs?limit=1").json["runs"]
    page = open_page("/templates/try")

    page.evaluate(
        """() => {
            const form = document.getElementById('run-form');
            form.requestSubmit();
            form.querySelector('button.primary').disabled = false;
            form.requestSubmit();
        }"""
    )

    run_id = run_id_of(page)
    wait_until(lambda: is_final(api, run_id))
    assert api.call("GET", "/runs?limit=1").json["runs"][0]["id"] == run_id
    assert run_id <= (before[0]["id"] if before else 0) + 1


def test_what_the_template_refuses_is_said_at_its_field(
    open_page: Open, api: Client, repository: Any, seen: Seen
) -> None:
    accepts = {
        "version": {"type": "string", "required": True, "pattern": "v[0-9]+"},
        "count": {"type": "integer", "minimum": 2, "maximum": 5},
        "many": {"type": "list"},
        "password": {"type": "string", "secret": True},
    }
    api.call("PUT", "/templates/strict", template(repository, accepts=accepts))
    page = open_page("/templates/strict")
    seen.expected.append("422")

    page.get_by_label("many").fill("[1, 2")
    page.get_by_role("button", name="Run", exact=True).click()

    expect(page.locator("[id='error-vars.version']")).to_have_text("is required")
    expect(page.locator("[id='error-vars.many']")).to_contain_text("is no JSON")
    expect(page.get_by_label("version")).to_be_focused()

    page.get_by_label("many").fill("[1, 2]")
    page.get_by_label("version").fill("2.0")
    page.get_by_label("count").fill("9")
    page.get_by_role("button", name="Run", exact=True).click()

    expect(page.locator("[id='error-vars.version']")).to_have_text("must match v[0-9]+")
    expect(page.locator("[id='error-vars.count']")).to_have_text("must be 5 or less")
    expect(page.locator("[id='error-vars.many']")).to_be_hidden()
    assert page.get_by_label("count").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("password").get_attribute("type") == "password"


def test_a_secret_is_given_and_never_seen_again(
    open_page: Open, api: Client, repository: Any
) -> None:
    accepts = {"words": {"type": "string", "secret": True}}
    api.call("PUT", "/templates/secretive", template(repository, accepts=accepts))
    page = open_page("/templates/secretive")

    page.get_by_label("words").fill("hunter2-and-more")
    page.get_by_role("button", name="Run", exact=True).click()
    run_id_of(page)
    expect(page.locator("#standing")).to_contain_text("succeeded")

    expect(page.locator("#facts")).to_contain_text("********")
    assert "hunter2" not in page.content()


def test_a_stop_says_what_it_waits_for_and_what_came_of_it(open_page: Open, start: Start) -> None:
    run_id = start(seconds=300)
    page = open_page(f"/runs/{run_id}")
    expect(page.locator("#log")).to_contain_text("Take its time")

    page.get_by_role("button", name="Stop…", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("enough of it")
    dialog.get_by_role("button", name="Stop it").click()

    expect(page.locator("#result")).to_contain_text("A stop is asked for; it is stopping")
    expect(page.locator("#standing")).to_contain_text("stopped by admin: enough of it")
    expect(page.locator("#facts")).to_contain_text("terminated")
    expect(page.locator("#timeline")).to_contain_text("stopping")


def test_a_run_is_approved_by_somebody_who_may(
    open_page: Open, api: Client, repository: Any, seen: Seen
) -> None:
    for name, own in (("guarded", False), ("mine", True)):
        approval = {"approval": {"own": own}}
        api.call("PUT", f"/templates/{name}", template(repository, **approval))
    guarded = api.call("POST", "/templates/guarded/runs", {}).json["id"]
    mine = api.call("POST", "/templates/mine/runs", {}).json["id"]

    page = open_page(f"/runs/{guarded}")
    expect(page.locator("#standing")).to_contain_text("queued")
    expect(page.get_by_role("button", name="Approve…")).to_have_count(0)

    page = open_page(f"/runs/{mine}")
    page.get_by_role("button", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("looked at it")
    dialog.get_by_role("button", name="Approve", exact=True).click()

    expect(page.locator("#result")).to_contain_text("Approved: it starts when its turn comes.")
    expect(page.locator("#standing")).to_contain_text("succeeded")
    expect(page.get_by_role("button", name="Approve…")).to_have_count(0)
    assert api.call("GET", f"/runs/{guarded}").json["state"] == "queued"
    assert api.call("POST", f"/runs/{guarded}/stop").json["state"] == "stopped"


def test_an_approval_that_comes_too_late_is_told_so(
    open_page: Open, api: Client, repository: Any, seen: Seen
) -> None:
    approval = {"approval": {"own": True}}
    api.call("PUT", "/templates/mine", template(repository, **approval))
    run_id = api.call("POST", "/templates/mine/runs", {}).json["id"]
    page = open_page(f"/runs/{run_id}")
    page.get_by_role("button", name="Approve…").click()
    seen.expected.append("409")

    assert api.call("POST", f"/runs/{run_id}/stop").json["state"] == "stopped"
    page.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).click()

    expect(page.locator("#result")).to_contain_text("Too late")
    expect(page.locator("#standing")).to_contain_text("stopped by admin")


def test_a_force_stop_kills_at_once(open_page: Open, start: Start, api: Client) -> None:
    run_id = start(seconds=300)
    page = open_page(f"/runs/{run_id}")
    expect(page.locator("#log")).to_contain_text("Take its time")

    page.get_by_role("button", name="Force stop…").click()
    page.get_by_role("dialog").get_by_role("button", name="Kill it").click()

    expect(page.locator("#standing")).to_contain_text("stopped")
    assert api.call("GET", f"/runs/{run_id}").json["stop"]["outcome"] == "killed"


def test_a_stop_that_comes_too_late_is_told_so(
    open_page: Open, start: Start, api: Client, seen: Seen
) -> None:
    run_id = start(seconds=300)
    page = open_page(f"/runs/{run_id}")
    page.get_by_role("button", name="Stop…", exact=True).click()
    page.route("**/runs/*", lambda route: route.abort() if route.request.is_navigation_request()
               else route.continue_())  # fmt: skip
    api.call("POST", f"/runs/{run_id}/stop?wait=20", {"force": True})
    seen.expected.append("409")

    page.evaluate("document.querySelector('[data-act=stop]').requestSubmit()")

    expect(page.locator("#result")).to_contain_text("Too late: run")
    expect(page.locator("#result")).to_contain_text("is stopped already")


def test_a_run_is_repeated_after_a_look_at_what_would_differ(
    open_page: Open, api: Client, tmp_path_factory: Any
) -> None:
    repository = make_repository(
        tmp_path_factory.mktemp("git") / "moving",
        {"site.yml": "- hosts: all\n  gather_facts: false\n  tasks: []\n"},
    )
    api.call("PUT", "/templates/moving", template(repository, accepts={}))
    first = api.call("POST", "/templates/moving/runs?wait=60", {}).json
    sha = repository.commit({"notes.txt": "new"})
    page = open_page(f"/runs/{first['id']}")

    page.get_by_role("button", name="Rerun…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#preview")).to_contain_text("ahead, 1 new, 1 files")
    expect(dialog.locator("#preview")).to_contain_text(sha[:8])
    expect(dialog.get_by_label("only those that failed")).to_be_disabled()
    dialog.get_by_label("the newest").check()
    dialog.get_by_role("button", name="Run it again").click()

    page.wait_for_url(re.compile(rf"/runs/(?!{first['id']}$)\d+$"))
    expect(page.locator("#standing")).to_contain_text("succeeded")
    expect(page.locator("#facts")).to_contain_text(sha[:10])
    expect(page.locator("#facts")).to_contain_text(f"moved since #{first['id']}")


def test_a_run_is_started_and_stopped_by_keyboard_alone(open_page: Open) -> None:
    page = open_page("/templates/try")
    keys = page.keyboard

    page.get_by_label("seconds").focus()
    keys.press("Control+A")
    keys.type("300")
    keys.press("Enter")
    run_id_of(page)
    expect(page.locator("#standing")).to_contain_text("playing")
    page.get_by_role("button", name="Stop…", exact=True).focus()
    keys.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop…", exact=True)).to_be_focused()
    keys.press("Enter")
    page.get_by_role("dialog").get_by_label("Reason").focus()
    keys.press("Enter")

    expect(page.locator("#standing")).to_contain_text("stopped")
