"""A real Chromium, one for all tests of the page, and one web with one runner behind it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg.rows import dict_row

from runner.store.migrate import migrate
from tests.formation import TOKEN, Client, Formation
from tests.page.seeing import Seen
from tests.repositories import Repository, make_repository
from tests.runners import LOCAL
from tests.waiting import PATIENCE, wait_until

expect.set_options(timeout=PATIENCE * 1000)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Small and quick: a page of tests needs neither a GPU nor the sandbox, which root has not.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

SITE = """
- name: Try it
  hosts: all
  gather_facts: false
  tasks:
    - name: Say it
      debug: msg="{{ words | default('ready') }}"
    - name: Take its time
      command: sleep {{ seconds | default(0) }}
      when: seconds | default(0) | int > 0
"""
ACCEPTS = {"words": {"type": "string"}, "seconds": {"type": "integer", "default": 0}}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here (Debian: chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def page_environ(
    services: dict[str, str],
    make_shared_redis: Callable[[], str],
    server: psycopg.Connection[Any],
    worker: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """Settings of the web and the runner that all tests of the page share."""
    name = f"page_{worker}"
    server.execute(f"CREATE DATABASE {name}")
    url = services["postgres"].replace("/postgres?", f"/{name}?")
    migrate(url)
    yield {
        "DATABASE_URL": url,
        "REDIS_URL": make_shared_redis(),
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "s" * 32,
        "CURTAIN_DATA": str(tmp_path_factory.mktemp("runner")),
        "RUNNER_DRAIN": "0",
        "RUNNER_MACHINE": "runner-machine",
        "WEB_CONCURRENCY": "1",
    }
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared(
    browser: Browser, page_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Formation]:
    """That web and that runner."""
    started = Formation(page_environ, tmp_path_factory.mktemp("formation"))
    started.start_web()
    started.start_runner()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A playbook that says something and takes its time."""
    return make_repository(tmp_path_factory.mktemp("git") / "site", {"site.yml": SITE})


@pytest.fixture(scope="session")
def api(shared: Formation, repository: Repository) -> Client:
    """The API of that web, with the template `try` declared."""
    client = Client(shared.port)
    assert client.call("PUT", "/templates/try", template(repository)).status == 201
    wait_until(lambda: client.call("GET", "//ready").json["runners"] == 1)
    return client


def template(repository: Repository, **more: Any) -> dict[str, Any]:
    """Declare the playbook of a repository."""
    return {
        "playbook": {"repository": repository.url, "ref": "main", "path": "site.yml"},
        "inventory": {"content": LOCAL},
        "accepts": ACCEPTS,
        "overrides": ["limit", "check", "tags"],
        "grace": 1,
        **more,
    }


@pytest.fixture
def conn(page_environ: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the database of the page's web."""
    url = page_environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def start(api: Client) -> Iterator[Callable[..., int]]:
    """Starts runs of `try`, and ends those that are left."""
    started: list[int] = []

    def trigger(**variables: Any) -> int:
        answer = api.call("POST", "/templates/try/runs", {"vars": variables})
        assert answer.status == 202, answer.body
        started.append(answer.json["id"])
        return started[-1]

    yield trigger
    for run_id in started:
        api.call("POST", f"/runs/{run_id}/stop", {"force": True})
        wait_until(lambda: is_final(api, run_id))  # noqa: B023 - called at once


def is_final(api: Client, run_id: int) -> bool:
    """Whether the run has ended."""
    return api.call("GET", f"/runs/{run_id}").json["state"] not in ("queued", "running")


@pytest.fixture(scope="session")
def windows(browser: Browser, api: Client) -> Iterator[Callable[..., BrowserContext]]:
    """Opens one window of each look, in which somebody has signed in; its pages share its cache."""
    opened: dict[str, BrowserContext] = {}

    def window(**look: Any) -> BrowserContext:
        if repr(look) not in opened:
            opened[repr(look)] = context = browser.new_context(**look)
            page = context.new_page()
            sign_in(page, f"http://127.0.0.1:{api.port}")
            page.close()
        return opened[repr(look)]

    yield window
    for context in opened.values():
        context.close()


@pytest.fixture
def seen() -> Seen:
    """What goes wrong in the pages of a test, and what it expects to."""
    return Seen()


@pytest.fixture
def open_page(
    windows: Callable[..., BrowserContext], api: Client, seen: Seen
) -> Iterator[Callable[..., Page]]:
    """Opens pages of somebody who is signed in. None may break the policy or log an error."""
    pages: list[Page] = []

    def open_(path: str, *, port: int = api.port, **look: Any) -> Page:
        page = windows(**look).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        pages.append(page)
        seen.watch(page)
        page.goto(f"http://127.0.0.1:{port}{path}")
        return page

    yield open_
    for page in pages:
        page.close()
    assert seen.faults == []


def sign_in(page: Page, server: str) -> None:
    """As a person does it."""
    page.goto(f"{server}/sign-in")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server}/runs")
