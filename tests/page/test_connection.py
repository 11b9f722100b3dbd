"""While nobody answers the page says so, shows nothing as if it were known, and catches up."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runner.store import stops
from tests.formation import Client, Formation
from tests.page.made_runs import finish, hold, write
from tests.page.seeing import Seen

Open = Callable[..., Page]


@pytest.fixture
def own(
    page_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory, api: Client
) -> Iterator[Formation]:
    """A web of the test's own, to be taken away."""
    started = Formation(page_environ, tmp_path_factory.mktemp("own"))
    started.start_web()
    yield started
    started.stop()


def signal_web(own: Formation, number: signal.Signals) -> None:
    """Send it to all processes of the web."""
    os.killpg(own.processes[0].pid, number)


def expect_unknown(page: Page) -> None:
    """Nothing is told as if it were known."""
    expect(page.locator("#connection")).to_be_visible()
    expect(page.locator("#connection")).to_contain_text("Not live since")
    expect(page.locator("#known")).to_contain_text("last known")
    expect(page.locator("body")).to_have_class("is-old")
    colour = "el => getComputedStyle(el).color"
    strong, soft = page.locator("#standing strong"), page.locator(".head .id")
    assert strong.evaluate(colour) == soft.evaluate(colour)


def test_a_page_that_is_cut_off_says_so_and_misses_nothing(
    open_page: Open, own: Formation, conn: Any, seen: Seen
) -> None:
    seen.expected += ["ERR_"]
    run = hold(conn)
    end = write(conn, run, b"before\n")
    page = open_page(f"/runs/{run.id}", port=own.port)
    expect(page.locator("#log")).to_contain_text("before")

    # It is frozen: connections are taken, and nobody answers.
    signal_web(own, signal.SIGSTOP)
    expect_unknown(page)
    end = write(conn, run, b"while it was frozen\n", end)
    signal_web(own, signal.SIGCONT)
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator("#log")).to_contain_text("while it was frozen")

    # It is killed, and comes back.
    signal_web(own, signal.SIGKILL)
    own.processes.pop().wait()
    end = write(conn, run, b"while it was away\n", end)
    expect_unknown(page)
    finish(conn, run)
    assert "running" in page.locator("#standing strong").inner_text()
    own._chosen = own.port
    own.start_web()

    expect(page.locator("#standing")).to_contain_text("succeeded")
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator("#log .text")).to_have_text(
        ["before", "while it was frozen", "while it was away"]
    )


def test_no_kill_is_counted_down_to_that_nobody_has_heard_of(
    open_page: Open, own: Formation, conn: Any, seen: Seen
) -> None:
    seen.expected += ["ERR_", "503"]  # nobody holds it really
    run = hold(conn)
    conn.execute("UPDATE runs SET spec = spec || '{\"grace\": 600}' WHERE id = %s", [run.id])
    assert stops.request_stop(conn, run.id, by="ada", reason=None, force=False)
    page = open_page(f"/runs/{run.id}", port=own.port)
    expect(page.locator("#left")).to_contain_text("kill in")

    signal_web(own, signal.SIGSTOP)
    expect_unknown(page)
    said, known = page.locator("#left").inner_text(), page.locator("#known").inner_text()
    page.locator("#left").evaluate("el => { el.dataset.killAt = '2026-01-01T00:00:00Z'; }")
    expect(page.locator("#known")).not_to_have_text(known)  # a second later

    assert page.locator("#left").inner_text() == said
    signal_web(own, signal.SIGCONT)
    expect(page.locator("#connection")).to_be_hidden()
    finish(conn, run)
    expect(page.locator("#standing")).to_contain_text("succeeded")
