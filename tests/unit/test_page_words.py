"""What the page says and draws, without a page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.page import form, plots
from app.page.links import commit_url, compare_url
from app.page.sparkline import HEIGHT, sparkline
from app.page.status import kill_at, status
from app.page.timeline import WIDTH, timeline
from app.page.words import ago, size, span
from runner.run import RunState
from runner.store.statistics import Day, Recent, Tally
from tests.made import make_run

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "\N{EN DASH}"),
        (0.04, "0.0 s"),
        (-1.0, "0.0 s"),  # clocks differ
        (8, "8 s"),  # whole, as a template has it
        (9.96, "10 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_span_is_said_in_two_units_at_most(seconds: float | None, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "just now"), (4, "just now"), (40, "40 s ago"), (90, "1 min ago"), (90_000, "1 d ago")],
)
def test_a_moment_is_said_roughly(seconds: float, said: str) -> None:
    assert ago(before(seconds), NOW) == said


@pytest.mark.parametrize(
    ("count", "said"), [(999, "999 B"), (1200, "1.2 kB"), (999_600, "1.0 MB"), (2e15, "2000 TB")]
)
def test_a_size_is_said_in_two_digits_or_more(count: int, said: str) -> None:
    assert size(int(count)) == said


@pytest.mark.parametrize(
    ("run", "more", "kind", "sentence"),
    [
        ({"state": "queued"}, {"why": "no runner is there"}, "queued", "no runner is there"),
        ({"state": "queued"}, {}, "queued", ""),
        ({"phase": "playing"}, {}, "running", "playing"),
        (
            {"stop_requested_at": before(1), "stop_requested_by": "ada"},
            {},
            "stopping",
            "asked for by ada",
        ),
        (
            {
                "stop_requested_at": before(9),
                "survivors": [{"pid": 7, "command": "sshd"}],
            },
            {},
            "stopping",
            "1 process would not die: sshd (7)",
        ),
        (
            {"stale": True, "heartbeat_at": before(40), "stop_requested_at": before(1)},
            {},
            "stale",  # also while it is being stopped: nobody knows
            "its runner has been silent for 40 s; a stop was asked for",
        ),
        ({"state": "failed", "message": "why"}, {}, "failed", "why"),
    ],
)
def test_a_run_is_told_in_words(
    run: dict[str, Any], more: dict[str, int], kind: str, sentence: str
) -> None:
    told = status(make_run(**{"state": RunState.RUNNING, **run}), NOW, **more)

    assert (told.kind, told.sentence) == (kind, sentence)


@pytest.mark.parametrize(
    ("grace", "forced", "seconds"),
    [(10, None, 12), (0, None, 0), (10, 3, 3)],  # 2 s are for asking; a force needs none
)
def test_a_kill_is_counted_down_to(grace: int, forced: int | None, seconds: int) -> None:
    run = make_run(
        spec={"grace": grace},
        stop_requested_at=NOW,
        force_requested_at=None if forced is None else NOW + timedelta(seconds=forced),
    )

    assert kill_at(run) == NOW + timedelta(seconds=seconds)


def test_stages_are_drawn_to_scale_and_fill_the_line() -> None:
    run = make_run(
        state=RunState.RUNNING,
        queued_at=before(100),
        claimed_at=before(80),
        playing_at=before(70),
        stop_requested_at=before(10),
    )
    stages = timeline(run, NOW)

    assert [(stage.name, stage.seconds) for stage in stages] == [
        ("queued", 20.0),
        ("preparing", 10.0),
        ("playing", 60.0),
        ("stopping", 10.0),
    ]
    assert [stage.is_open for stage in stages] == [False, False, False, True]
    assert stages[2].width == pytest.approx(600)
    assert stages[-1].x + stages[-1].width == pytest.approx(WIDTH)


def test_a_stop_cuts_the_stage_that_it_falls_into() -> None:
    run = make_run(
        state=RunState.STOPPED,
        queued_at=before(30),
        claimed_at=before(20),
        stop_requested_at=before(15),
        playing_at=before(10),
        finished_at=before(0),
    )

    assert [(each.name, each.seconds) for each in timeline(run, NOW)] == [
        ("queued", 10.0),
        ("preparing", 5.0),
        ("stopping", 15.0),
    ]


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        ("https://github.com/acme/site.git", "https://github.com/acme/site/compare/a...b"),
        ("ssh://git@gitlab.acme.eu:2222/a/b.git", "https://gitlab.acme.eu/a/b/-/compare/a...b"),
        ("https://gitea.acme.eu:3000/a/b", "https://gitea.acme.eu:3000/a/b/compare/a...b"),
        ("https://bitbucket.org/a/b.git", "https://bitbucket.org/a/b/branches/compare/b..a"),
        ("https://git.acme.eu/a/b.git", None),  # nobody knows what it is
        ("file:///srv/github.git", None),
        ("https://github.com/a/<b>.git", "https://github.com/a/%3Cb%3E/compare/a...b"),
    ],
)
def test_a_difference_is_linked_where_its_host_is_known(repository: str, url: str | None) -> None:
    assert compare_url(repository, "a", "b") == url
    assert (commit_url(repository, "b") is None) == (url is None)


def test_bars_are_as_high_as_runs_took_long() -> None:
    drawn = sparkline([Recent(1, RunState.SUCCEEDED, 10.0), Recent(2, RunState.STOPPED, None)])

    assert drawn is not None
    assert [bar.height for bar in drawn.bars] == [HEIGHT, 3.0]
    assert drawn.bars[-1].x == 116  # the newest is at the right
    assert drawn.told == "last 2 runs: 1 succeeded, 1 stopped; the longest took 10 s"
    assert sparkline([]) is None


def test_days_without_a_run_leave_a_gap_in_the_line() -> None:
    none = {"succeeded": 0, "failed": 0, "stopped": 0, "other": 0, "p50": None, "p95": None}
    some = {**none, "succeeded": 2, "failed": 2, "p50": 5.0, "p95": 10.0}
    days = [Day(day=date(2026, 11, n), **told) for n, told in enumerate([some, none, some], 1)]
    drawn = plots.plots(days, Tally(**{**some, "succeeded": 4, "failed": 4}))

    assert drawn is not None
    assert [len(piece) for piece in drawn.p50] == [1, 1]
    assert plots.path(drawn.p95[0]) == "M100.0 0.0L100.0 0.0"
    assert [part.height for part in drawn.columns[0].parts] == [48.0, 48.0]
    assert drawn.columns[1].told == "2 Nov: no run"
    assert drawn.told.startswith("8 runs in 3 days: 4 succeeded, 4 failed; 50% succeeded; p50 5.0")
    assert plots.plots(days, Tally(**none)) is None


def test_what_is_needed_comes_first_and_what_takes_room_last() -> None:
    spec = {
        "accepts": {
            "a_list": {"type": "list"},
            "b": {"type": "integer", "default": 3, "minimum": 1},
            "c": {"type": "string", "required": True, "secret": True},
            "d": {"type": "string", "choices": ["x", "y"], "default": "y"},
        },
        "overrides": ["tags", "verbosity"],
        "options": {"tags": ["deploy"]},
    }
    fields = form.fields(spec)

    assert [each.path for each in fields] == [
        "vars.c",
        "vars.b",
        "vars.d",
        "vars.a_list",
        "tags",
        "verbosity",
    ]
    assert fields[0].is_secret
    assert fields[1].hint == "integer, 1 or more"
    assert [(each.value, each.is_default) for each in fields[2].choices] == [
        ('"x"', False),
        ('"y"', True),
    ]
    assert fields[4].hint.endswith("the template says deploy")
