"""What everybody can use: names, heads, contrast, keys, a phone; and nothing that is cached."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from runner.run import RunState
from tests.formation import Client
from tests.page.made_runs import finish, hold, write

Open = Callable[..., Page]
CSS = Path(__file__).parents[2] / "app" / "page" / "static" / "css"
LEAST = 4.5  # as WCAG 2.2 AA has it for text

#: Inks and the papers that they stand on.
PAIRS = [
    *[(ink, paper) for ink in ("ink", "soft", "accent") for paper in ("paper", "sheet", "sunken")],
    *[(ink, "sheet") for ink in ("good", "bad", "busy", "warn", "odd", "still")],
    *[(ink, "paper") for ink in ("good", "bad", "busy", "warn", "odd", "still")],
    *[(ink, "accent-wash") for ink in ("ink", "soft", "accent")],
    ("accent-ink", "accent"),
    ("sheet", "bad"),
    ("bad", "bad-wash"),
    ("warn", "warn-wash"),
    ("mark-ink", "mark"),
    ("mark-ink", "mark-now"),
    *[(f"t{number}", "sunken") for number in range(16)],
]


def palette(scheme: str) -> dict[str, str]:
    """Read the colours of a scheme from the style sheets."""
    colours: dict[str, str] = {}
    for name in ("base.css", "log.css"):
        light, *dark = re.split(r"@media \(prefers-color-scheme: dark\)", (CSS / name).read_text())
        text = light if scheme == "light" else light + "".join(dark)
        colours.update(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})\b", text))
    return colours


def luminance(colour: str) -> float:
    """As WCAG defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_stands_out(scheme: str, ink: str, paper: str) -> None:
    colours = palette(scheme)
    light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)

    assert (light + 0.05) / (dark + 0.05) >= LEAST


@pytest.fixture
def paths(conn: Any, api: Client) -> list[str]:
    """A page of each kind."""
    hook = {"sender": "github", "template": "try", "secret": "x" * 32}
    api.call("PUT", "/hooks/looks", hook)
    nightly = {"template": "try", "cron": "0 3 * * 1-5", "timezone": "Europe/Berlin"}
    api.call("PUT", "/schedules/looks", nightly)
    run = hold(conn, template="try", reason="to look at it " * 8)
    write(conn, run, b"TASK [x] **\nok: [a]\n" * 200)
    finish(conn, run, RunState.FAILED, "a task failed on at least one host")
    live = hold(conn, template="try")
    write(conn, live, b"ok: [a]\n" * 20)
    return [
        "/runs",
        f"/runs/{run.id}",
        f"/runs/{live.id}",
        "/templates",
        "/templates/try",
        "/schedules",
        "/hooks",
        "/hooks/looks/deliveries",
        "/runners",
    ]


#: What is wrong with a page for those who do not see it, or have no mouse.
FAULTS = (Path(__file__).parent / "faults.js").read_text()


@pytest.mark.parametrize(
    "look",
    [
        {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
        {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "has_touch": True},
    ],
    ids=["desk", "phone"],
)
def test_every_page_has_names_and_fits(
    open_page: Open, paths: list[str], look: dict[str, Any]
) -> None:
    page = open_page("/runs", **look)
    for path in paths:
        page.goto(urljoin(page.url, path))
        assert page.evaluate(FAULTS) == [], path


def test_nothing_but_hashed_files_is_kept(open_page: Open, paths: list[str]) -> None:
    kept: dict[str, str] = {}
    page = open_page("/runs")
    page.on(
        "response", lambda got: kept.setdefault(got.url, got.headers.get("cache-control", "none"))
    )
    for path in paths[:3]:
        page.goto(urljoin(page.url, path))
        page.wait_for_timeout(0)

    for url, said in kept.items():
        assert said == ("no-store" if "/static/" not in url else said)
        if "/static/" in url:
            assert "immutable" in said


def test_the_policy_allows_no_inline_script_and_no_inline_style(
    open_page: Open, paths: list[str]
) -> None:
    page = open_page("/runs")
    for path in paths:
        answer = page.goto(urljoin(page.url, path))
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        html = answer.text()
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", html), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", html), path


def test_tabs_are_walked_with_arrows(open_page: Open, paths: list[str]) -> None:
    page = open_page(paths[1])
    page.get_by_role("tab", name="Output").focus()

    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Hosts")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")

    expect(page.get_by_role("tab", name="Who did what")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Who did what")).to_be_visible()
