"""The page of a run with a long output: when something is seen, when all is there, what it weighs.

The floor of the last line is a plain download of the same bytes.
"""

import shutil
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from app.bootstrap.terminal import say
from tests.bench.figures import Figure, Spread, times
from tests.bench.size import Size
from tests.bench.stack import TOKEN, Stack, open_stack
from tests.page.made_runs import finish, hold, playbook_of, write

LINES = 200_000
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
MEGABYTE = 1e6
WAIT = 60_000  # milliseconds


class Look(NamedTuple):
    """What one opening of a page came to; seconds and bytes."""

    painted: float
    #: Until the last line is there.
    complete: float
    #: Resident memory of the tab's process.
    memory: int


def measure(size: Size) -> list[Figure]:
    """Open the page of a final run of 200,000 lines, and its raw output."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        say("there is no chromium here (Debian: chromium): nothing is measured of the page")
        return []
    with open_stack(with_runner=False) as stack, sync_playwright() as playwright:
        run = hold(stack.conn)
        write(stack.conn, run, b"".join(playbook_of(LINES)))
        finish(stack.conn, run)
        looks, downloads = [], []
        for _ in range(max(3, size.starts // 6)):
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            looks.append(_look(browser, stack, run.id))
            browser.close()
            downloads.append(_download(stack, run.id))
    return _figures(looks, downloads)


def _figures(looks: Sequence[Look], downloads: Sequence[float]) -> list[Figure]:
    what = f"a run of {LINES:,} lines"
    megabytes = [look.memory / MEGABYTE for look in looks]
    return [
        times(f"{what}: first paint", [look.painted for look in looks]),
        times(f"{what}: the last line is there", [look.complete for look in looks], downloads),
        Figure(what=f"{what}: the tab's process", unit="MB", ours=Spread.of(megabytes)),
    ]


def _look(browser: Browser, stack: Stack, run_id: int) -> Look:
    page = _signed_in(browser, stack)
    began = time.perf_counter()
    page.goto(f"/runs/{run_id}", wait_until="commit")
    page.get_by_text(f"{LINES:,} lines", exact=True).wait_for(timeout=WAIT)
    return Look(_painted(page), time.perf_counter() - began, _resident())


def _download(stack: Stack, run_id: int) -> float:
    began = time.perf_counter()
    url = f"http://127.0.0.1:{stack.port}/api/v1/runs/{run_id}/output"
    httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).raise_for_status()
    return time.perf_counter() - began


def _signed_in(browser: Browser, stack: Stack) -> Page:
    page = browser.new_page(base_url=f"http://127.0.0.1:{stack.port}")
    page.goto("/sign-in")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/runs")
    return page


def _painted(page: Page) -> float:
    milliseconds: Any = page.evaluate(
        """() => new Promise((seen) => new PerformanceObserver((list) => {
            for (const each of list.getEntries())
                if (each.name === 'first-contentful-paint') seen(each.startTime);
        }).observe({ type: 'paint', buffered: true }))"""
    )
    return float(milliseconds) / 1000


def _resident() -> int:
    """The biggest of the browser's renderers: the tab, and not one that waits to become one."""
    ours = psutil.Process().children(recursive=True)
    renderers = [each for each in ours if "--type=renderer" in each.cmdline()]
    return max(int(each.memory_info().rss) for each in renderers)
