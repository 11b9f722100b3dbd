"""Hosts against tasks, the slowest tasks and the processes, of a real play."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runner.event_lines import Status
from runner.judge import Verdict
from runner.run import RunState
from runner.store import moves, verdicts
from tests.formation import Client
from tests.page.conftest import template
from tests.page.made_runs import finish, hold
from tests.repositories import make_repository
from tests.runners import PYTHON

Open = Callable[..., Page]
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Go well
      debug: msg="well"
    - name: Change it
      debug: msg="changed"
      changed_when: true
    - name: Only on the first
      command: sleep 0.5
      when: inventory_hostname == 'host1'
    - name: Fail on the second
      fail: msg="no <b>room</b> left"
      when: inventory_hostname == 'host2'
    - name: Fail everywhere
      fail: msg="never mind"
      ignore_errors: true
"""


@pytest.fixture
def played(api: Client, tmp_path_factory: Any) -> int:
    """A run of two hosts, of which one failed."""
    repository = make_repository(tmp_path_factory.mktemp("git") / "two", {"site.yml": PLAY})
    hosts = "".join(f"host{n} ansible_connection=local {PYTHON}\n" for n in (1, 2))
    declared = template(repository, inventory={"content": hosts})
    assert api.call("PUT", "/templates/two", declared).status in (200, 201)
    run = api.call("POST", "/templates/two/runs?wait=60", {}).json
    assert run["state"] == "failed"
    return int(run["id"])


def test_each_cell_tells_what_came_of_a_task_on_a_host(open_page: Open, played: int) -> None:
    page = open_page(f"/runs/{played}#hosts")
    matrix = page.locator("#matrix")

    expect(matrix.locator("tbody th")).to_have_text(["host1", "host2"])
    shown = (
        "rows => rows.map(row => [...row.querySelectorAll('td[data-at]')].map(c => c.ariaLabel))"
    )
    rows = matrix.locator("tbody tr:not([aria-hidden])")
    assert rows.evaluate_all(shown) == [
        ["ok", "changed", "changed", "skipped", "ignored"],
        ["ok", "changed", "skipped", "failed", None],
    ]

    page.get_by_role("button", name="failed 1").click()
    expect(matrix.locator("tbody th")).to_have_text(["host2"])
    matrix.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#cell")).to_contain_text("host2 · 4. Fail on the second: failed")
    expect(page.locator("#cell")).to_contain_text("no <b>room</b> left")


def test_the_slowest_task_comes_first_and_leads_to_its_lines(open_page: Open, played: int) -> None:
    page = open_page(f"/runs/{played}#tasks")

    first = page.locator("#tasks tbody tr").first
    expect(first).to_contain_text("Only on the first")
    first.get_by_role("button").click()

    expect(page.locator(".line.is-target")).to_contain_text("TASK [Only on the first]")


def test_the_living_family_is_shown_as_a_tree(open_page: Open, start: Callable[..., int]) -> None:
    run_id = start(seconds=300)
    page = open_page(f"/runs/{run_id}#processes")

    expect(page.locator(".tree ul ul").first).to_be_visible()
    expect(page.locator(".tree")).to_contain_text("sleep 300")


def test_of_what_may_still_live_nothing_else_is_said(open_page: Open, conn: Any) -> None:
    lost, left, ended = hold(conn), hold(conn), hold(conn)
    conn.execute("UPDATE runs SET lease_expires_at = now() WHERE id = %s", [lost.id])
    assert verdicts.lose(conn, lost, actor="w", message="its runner vanished")
    finish(conn, ended)
    job = {"pid": 4242, "created": 1, "sid": 4241, "command": "async_wrapper.py"}
    verdict = Verdict(state=RunState.SUCCEEDED, message="done", left_running=(job,))
    assert moves.finish(conn, left, verdict, actor="r", complete=True, truncated=False)

    for run, said in (
        (lost, "whether any of its processes is alive is not known"),
        (left, "left 1 process running"),
        (ended, "none of its processes is alive"),
    ):
        page = open_page(f"/runs/{run.id}#processes")
        expect(page.locator("#processes")).to_contain_text(said)


def many(conn: Any) -> int:
    """Make a run of a thousand hosts that have done a hundred tasks."""
    run = hold(conn)
    conn.execute(
        "INSERT INTO run_reading (run_id, attempt, reader) VALUES (%s, 1, gen_random_uuid())",
        [run.id],
    )
    conn.execute(
        """INSERT INTO run_tasks (run_id, number, attempt, play, name, action, path, began_at)
           SELECT %s, n, 1, 'Play', 'Task ' || n, 'debug', '', now()
             FROM generate_series(1, 100) AS n""",
        [run.id],
    )
    conn.execute(
        """INSERT INTO run_host_progress (run_id, host, number, ok, at)
           SELECT %s, 'host' || to_char(n, 'FM0000'), n, 100, now()
             FROM generate_series(0, 999) AS n""",
        [run.id],
    )
    conn.execute(
        """INSERT INTO run_results (run_id, id, at, task, host, seconds, status)
           SELECT %s, task * 1000 + host, now(), task, host, 0.1, %s
             FROM generate_series(1, 100) AS task, generate_series(0, 999) AS host""",
        [run.id, Status.OK],
    )
    return finish(conn, run).id


def test_a_thousand_hosts_and_a_hundred_tasks_are_walked(
    open_page: Open, api: Client, conn: Any
) -> None:
    run_id = many(conn)
    page = open_page(f"/runs/{run_id}#hosts")
    matrix = page.locator("#matrix")

    expect(matrix.locator("th.corner")).to_have_text("1,000 hosts")
    expect(page.get_by_role("button", name="all 1,000")).to_be_visible()
    matrix.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Control+End")

    expect(page.locator("#cell")).to_contain_text("host0999 · 100. Task 100: ok")
    expect(matrix.locator("td.is-now")).to_be_in_viewport()
    assert matrix.locator("td").count() < 4000
