"""The output: its colours, its lines and their number, whatever a playbook prints."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runner.run import RunState
from runner.template import Template
from tests.aged import aged, keep
from tests.formation import Client
from tests.page.made_runs import SPEC, finish, hold, playbook_of, write

Open = Callable[..., Page]
LINES = 200_000

#: What is printed, the text that is seen, and the classes or the colour of its parts.
PRINTED = [
    (b"\x1b[31mred\x1b[0m plain", "red plain", [["f1"], []]),
    (b"\x1b[1;92mbold\x1b[22m not", "bold not", [["t-bold", "f10"], ["f10"]]),
    (b"\x1b[38;5;9mnine\x1b[39m", "nine", [["f9"]]),
    (b"\x1b[38;5;196mcube", "cube", ["rgb(255, 0, 0)"]),
    (b"\x1b[38;5;244mgrey", "grey", ["rgb(128, 128, 128)"]),
    (b"\x1b[38;2;1;2;3mtrue", "true", ["rgb(1, 2, 3)"]),
    (b"\x1b[38;2;999;2;3mno colour", "no colour", [[]]),
    (b"\x1b[48;5;mshort", "short", [["b0", "on"]]),
    (b"\x1b[7minverse", "inverse", ["var(--sunken)"]),
    (b"\x1b]0;title\x07after a title", "after a title", [[]]),
    (b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link", [[]]),
    (b"\x1b[2J\x1b[1;1Hcleared \x1b[?25l", "cleared ", [[]]),
    (b"\x1bcreset", "reset", [[]]),
    (b"10 %\r20 %\r", "20 %", [[]]),
    (b"bell \x07", "bell \N{SYMBOL FOR BELL}", [[], ["seen"]]),
    ("right \u202eto left".encode(), "right \u27e8U+202E\u27e9to left", [[], ["seen"], []]),
    (b"half \xc3", "half \N{REPLACEMENT CHARACTER}", [[]]),
    (b"ok: [web1]", "ok: [web1]", [["f2"]]),  # Ansible's own colours, where it printed none
    (b"changed: [web1]", "changed: [web1]", [["f3"]]),
    (b"fatal: [web1]: FAILED! => {}", "fatal: [web1]: FAILED! => {}", [["f1"]]),
    (b"skipping: [web1]", "skipping: [web1]", [["f6"]]),
    (b"[WARNING]: old", "[WARNING]: old", [["f5"]]),
    (b"\x1b[33mok: [web1]", "ok: [web1]", [["f3"]]),
    (b"it is ok: [web1]", "it is ok: [web1]", [[]]),
    ("\N{GRINNING FACE} caf\u00e9".encode(), "\N{GRINNING FACE} caf\u00e9", [[]]),
]


@pytest.fixture
def shown(open_page: Open, conn: Any, api: Client) -> Callable[..., Page]:
    """Opens the page of a final run that has printed something."""

    def show(told: bytes, fragment: str = "", **more: Any) -> Page:
        run = hold(conn)
        write(conn, run, told)
        finish(conn, run, **more)
        page = open_page(f"/runs/{run.id}{fragment}")
        page.wait_for_selector(".line")
        return page

    return show


def test_a_line_is_shown_as_a_terminal_shows_it(shown: Callable[..., Page]) -> None:
    told = b"".join(each + b"\x1b[0m\n" for each, _, _ in PRINTED)
    page = shown(told + b"never finished \xe2\x82")
    expect(page.locator(".line").last).to_contain_text("never finished \N{REPLACEMENT CHARACTER}")

    seen = page.evaluate(
        """() => [...document.querySelectorAll('.line .text')].map((line) => [line.textContent,
            [...line.children].map((part) => part.style.color || [...part.classList])])"""
    )

    for (text, parts), (_, expected, dressed) in zip(seen[:-1], PRINTED, strict=True):
        assert text == expected
        assert parts == dressed, expected


def test_a_style_goes_on_over_the_end_of_a_line(shown: Callable[..., Page]) -> None:
    page = shown(b"\x1b[33mone\ntwo\n\x1b[0mthree\n")

    expect(page.locator(".line .text .f3")).to_have_text(["one", "two"])


def test_two_hundred_thousand_lines_scroll_fold_and_are_searched(
    shown: Callable[..., Page], capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown(b"".join(playbook_of(LINES)), state=RunState.FAILED, message="failed")
    log = page.locator("#log")

    expect(page.locator("#log-size")).to_have_text("200,000 lines")
    expect(log).to_contain_text(f"item {LINES - 1} of many")  # what failed is read from its end
    assert page.locator(".line").count() < 200

    page.get_by_label("Search the output").fill("ITEM 123456 of")
    expect(page.locator("#found")).to_have_text("1 found")
    page.keyboard.press("Enter")
    expect(page.locator("mark.now")).to_have_text("item 123456 of")

    page.get_by_role("button", name="Fold tasks").click()
    expect(log).to_contain_text("… 999 lines")
    page.get_by_role("button", name="Fold tasks").click()
    log.focus()
    page.keyboard.press("Home")
    expect(log).to_contain_text("TASK [Task 0]")
    page.get_by_role("button", name="Lines of TASK [Task 0]").click()
    expect(page.locator(".line").nth(1)).to_contain_text("TASK [Task 1]")
    with capsys.disabled():
        print("\n200,000 lines:", figures(page))


def figures(page: Page) -> str:
    """How long the first paint took, and what the tab's JavaScript has in memory."""
    painted = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    )
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return f"first paint after {painted:.0f} ms, {used / 1e6:.0f} MB of JavaScript"


def test_a_link_leads_to_its_line(shown: Callable[..., Page]) -> None:
    page = shown(b"".join(playbook_of(3000)), "#L2345")

    expect(page.locator(".line.is-target .at")).to_have_text("2345")
    expect(page.locator(".line.is-target")).to_be_in_viewport()

    page.locator(".line .at", has_text=re.compile("^2350$")).click()
    assert page.url.endswith("#L2350")


def test_what_is_printed_is_followed_until_somebody_scrolls_up(
    open_page: Open, conn: Any, api: Client
) -> None:
    run = hold(conn)
    end = write(conn, run, b"".join(playbook_of(500)))
    page = open_page(f"/runs/{run.id}")
    follow = page.get_by_role("button", name="Follow")
    expect(page.locator("#log")).to_contain_text("item 499 of many")

    end = write(conn, run, b"".join(b"more %d\n" % n for n in range(200)), end)
    expect(page.locator("#log")).to_contain_text("more 199")
    page.locator("#log").hover()
    page.mouse.wheel(0, -2000)
    expect(follow).to_have_attribute("aria-pressed", "false")
    write(conn, run, b"the last of it\n", end)
    expect(page.locator("#log-size")).to_have_text("701 lines")
    expect(page.locator("#log")).not_to_contain_text("the last of it")
    follow.click()
    expect(page.locator("#log")).to_contain_text("the last of it")
    finish(conn, run)
    expect(page.locator("#standing")).to_contain_text("succeeded")


def test_a_line_of_five_megabytes_is_cut_where_it_is_shown(shown: Callable[..., Page]) -> None:
    page = shown(b"x" * 5_000_000 + b"\nnext\n")

    expect(page.locator(".line").nth(0)).to_contain_text("4,980,000 more characters")
    expect(page.locator(".line").nth(1)).to_contain_text("next")


def test_the_raw_output_is_to_be_had(shown: Callable[..., Page]) -> None:
    page = shown(b"raw \x1b[31mbytes\xff\n")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()

    assert download.value.path().read_bytes() == b"raw \x1b[31mbytes\xff\n"


def test_output_that_is_not_kept_is_told_to_be_gone(open_page: Open, conn: Any) -> None:
    run = aged(conn, days=40, spec=Template.model_validate(SPEC).spec())
    keep(conn, output_days=30, event_days=30)

    page = open_page(f"/runs/{run.id}")

    expect(page.locator("#log-none")).to_have_text("It is older than outputs are kept, and gone.")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    page.get_by_role("tab", name="Hosts").click()
    expect(page.locator("#matrix-tools")).to_contain_text("all 1")
    page.get_by_role("tab", name="Slowest tasks").click()
    expect(page.locator("#tasks")).to_contain_text("They are older than is kept, and gone.")
