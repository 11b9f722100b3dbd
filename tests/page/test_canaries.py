"""Whatever a playbook, a payload or a caller can fill is text, and never part of the page."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb

from runner.run import RunState, Trigger
from runner.store import deliveries, events
from runner.store.deliveries import Noted
from tests.formation import Client
from tests.page.conftest import template
from tests.page.made_runs import SPEC, finish, hold, write
from tests.page.seeing import CANARY, is_unharmed
from tests.repositories import make_repository

Open = Callable[..., Page]


def expect_unharmed(page: Page) -> None:
    """The canary is seen, as text, and does nothing."""
    expect(page.locator("main")).to_contain_text("onerror=window.harmed=1")
    assert is_unharmed(page)


def test_a_played_canary_is_text(open_page: Open, api: Client, tmp_path_factory: Any) -> None:
    """In a play's, a task's and a host's name, in output and in a result's message."""
    canary = json.dumps(CANARY)
    playbook = f"""
- name: {json.dumps("play " + CANARY)}
  hosts: all
  gather_facts: false
  tasks:
    - name: {json.dumps("task " + CANARY).replace("{{", "{ {")}
      debug: msg={{{{ words }}}}
    - fail: msg={{{{ words }}}}
"""
    repository = make_repository(tmp_path_factory.mktemp("git") / "evil", {"site.yml": playbook})
    inventory = json.dumps(
        {"all": {"hosts": {"<img src=x onerror=window.harmed=1>": {"ansible_connection": "local"}}}}
    )
    declared = template(repository, inventory={"content": inventory})
    assert api.call("PUT", "/templates/evil", declared).status == 201
    body = {"vars": {"words": CANARY}, "reason": CANARY}
    run = api.call("POST", "/templates/evil/runs?wait=60", body).json
    assert run["state"] == "failed", (run, canary)

    page = open_page(f"/runs/{run['id']}")
    expect(page.locator("#log")).to_contain_text("PLAY RECAP")
    for tab in ("Output", "Hosts", "Slowest tasks", "Processes", "Who did what"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator("[role=tabpanel]:visible")).not_to_be_empty()
        assert is_unharmed(page)
    page.get_by_role("tab", name="Output").click()
    expect_unharmed(page)
    page.goto(urljoin(page.url, "/runs"))
    expect_unharmed(page)
    page.goto(urljoin(page.url, "/templates/evil"))
    expect_unharmed(page)


def test_a_canary_of_a_caller_or_a_payload_is_text(open_page: Open, api: Client, conn: Any) -> None:
    """In who, why, a hook's facts, variables, refs, paths, messages, moves, survivors, output."""
    source = {**SPEC["playbook"], "ref": CANARY.replace(" ", "\u00a0"), "path": CANARY}
    hook = dict.fromkeys(("name", "event", "ref", "actor", "repository", "sender"), CANARY)
    run = hold(conn, trigger=Trigger.HOOK, by=CANARY, reason=CANARY, hook=hook)
    conn.execute(
        """UPDATE runs SET accepted = %s, machine = %s, survivors = %s, stop_reason = %s,
                           spec = spec || %s WHERE id = %s""",
        [
            Jsonb({"a": CANARY, "b": [{CANARY: CANARY}]}),
            CANARY,
            Jsonb([{"pid": 1, "command": CANARY}]),
            CANARY,
            Jsonb({"playbook": source}),
            run.id,
        ],
    )
    events.append(conn, run.id, CANARY, CANARY, {CANARY: {CANARY: [CANARY]}})
    write(conn, run, f"\x1b]8;;javascript:harmed=1\x07{CANARY}\x1b[31m{CANARY}\n".encode())
    page = open_page(f"/runs/{run.id}")
    expect(page.locator("#log")).to_contain_text("{{7*7}}")
    expect_unharmed(page)
    page.get_by_label("Search the output").fill("<img src=x")
    expect(page.locator("mark").first).to_have_text("<img src=x")
    finish(conn, run, RunState.FAILED, CANARY)
    expect(page.locator("#standing .sentence")).to_have_text(CANARY)
    expect_unharmed(page)


def test_a_canary_of_a_delivery_is_text(open_page: Open, api: Client, conn: Any) -> None:
    hook = {"sender": "github", "template": "try", "secret": "x" * 32}
    assert api.call("PUT", "/hooks/canary", hook).status == 201
    facts = dict.fromkeys(("event", "ref", "actor", "message", "branch"), CANARY)
    noted = Noted("canary", "1", CANARY, facts, {}, None)
    deliveries.note(conn, noted, "ignored", CANARY)

    page = open_page("/hooks/canary/deliveries")

    expect_unharmed(page)
