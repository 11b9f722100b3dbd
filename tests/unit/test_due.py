"""When schedules are due: over changes of clocks, with jitter, and after nobody looked."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import due
from runner.due import TOLERANCE, Plan, Times
from runner.schedule import Schedule

SECOND = timedelta(seconds=1)


def cron(text: str, timezone: str = "UTC", **given: object) -> Schedule:
    return Schedule.model_validate({"template": "t", "cron": text, "timezone": timezone, **given})


def once(at: str, **given: object) -> Schedule:
    return Schedule.model_validate({"template": "t", "at": at, **given})


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(schedule: Schedule, behind: str, count: int) -> list[str]:
    """The next due times, by the clock on the wall."""
    times: list[datetime] = []
    at = time(behind)
    while len(times) < count and (found := due.first(schedule, at)) is not None:
        times.append(found)
        at = found
    return [each.astimezone(schedule.zone).strftime("%m-%d %H:%M %z") for each in times]


@pytest.mark.parametrize(
    ("text", "zone", "behind", "expected"),
    [
        # Berlin, 29 March 2026: 02:00 becomes 03:00. What would be in the gap is at its end.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00",
            ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"],
        ),
        # Once, though two of its times are in the gap and one at its end.
        (
            "0,30 2,3 * * *",
            "Europe/Berlin",
            "2026-03-29T00:00",
            ["03-29 03:00 +0200", "03-29 03:30 +0200", "03-30 02:00 +0200"],
        ),
        # By the hour it goes by the time that really passes.
        (
            "0 * * * *",
            "Europe/Berlin",
            "2026-03-28T23:59",
            ["03-29 01:00 +0100", "03-29 03:00 +0200"],
        ),
        # 25 October 2026: 03:00 becomes 02:00. What comes twice by the clock is due the first time.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00",
            ["10-25 02:30 +0200", "10-26 02:30 +0100"],
        ),
        # Also for who asks within the hour that comes again.
        ("45 2 * * *", "Europe/Berlin", "2026-10-25T01:30", ["10-26 02:45 +0100"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", ["10-26 02:30 +0100"]),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:59",
            ["10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100"],
        ),
        # A star for the minute goes by the time that passes, also where the hour is fixed.
        (
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00",
            ["10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100"],
        ),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-30 02:00 +0200"]),
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00",
            ["03-08 03:00 -0400", "03-09 02:30 -0400"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00",
            ["11-01 01:30 -0400", "11-02 01:30 -0500"],
        ),
        # Lord Howe changes by half an hour only.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00",
            ["10-04 02:30 +1100", "10-05 02:15 +1100"],
        ),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-04T00:00",
            ["04-05 01:45 +1100", "04-06 01:45 +1030"],
        ),
        # Beirut changes at midnight.
        (
            "0 0 * * *",
            "Asia/Beirut",
            "2026-03-28T00:00",
            ["03-29 01:00 +0300", "03-30 00:00 +0300"],
        ),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["02-29 00:00 +0000", "02-29 00:00 +0000"]),
        ("0 3 * * 1-5", "UTC", "2026-11-27T12:00", ["11-30 03:00 +0000", "12-01 03:00 +0000"]),
        ("0 3 L * *", "UTC", "2026-01-30T12:00", ["01-31 03:00 +0000", "02-28 03:00 +0000"]),
        ("0 3 LW * *", "UTC", "2026-01-01T00:00", ["01-30 03:00 +0000"]),
        ("0 3 * * 5L", "UTC", "2026-01-01T00:00", ["01-30 03:00 +0000"]),
        ("0 3 * * 5#2", "UTC", "2026-01-01T00:00", ["01-09 03:00 +0000"]),
        # A day of the month or of the week, as every cron has it.
        ("0 0 1 * 1", "UTC", "2026-11-29T00:00", ["11-30 00:00 +0000", "12-01 00:00 +0000"]),
    ],
)
def test_a_cron_is_due_by_the_clock_of_its_zone(
    text: str, zone: str, behind: str, expected: list[str]
) -> None:
    assert told(cron(text, zone), behind, len(expected)) == expected


def test_the_29_of_february_comes_every_four_years() -> None:
    leap = cron("0 0 29 2 *")
    times = due.upcoming(leap, due.first(leap, time("2026-01-01")))

    assert [each.year for each in times] == [2028, 2032, 2036, 2040, 2044]


def test_one_time_comes_once() -> None:
    schedule = once("2026-12-01T03:00:00+01:00")

    assert due.first(schedule, time("2026-12-01T01:59:59")) == time("2026-12-01T02:00")
    assert due.first(schedule, time("2026-12-01T02:00")) is None
    assert due.upcoming(schedule, time("2026-12-01T02:00")) == [time("2026-12-01T02:00")]
    assert due.upcoming(schedule, None) == []


@given(
    text=st.sampled_from(
        [
            "* * * * *",
            "*/7 * * * *",
            "5 */2 * * *",
            "30 2 * * *",
            "0,15,45 1-3 * * 0",
            "59 23 L * *",
        ]
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"]
    ),
    behind=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    jitter=st.integers(0, 3600),
)
def test_due_times_go_forward_and_so_do_they_with_jitter(
    text: str, zone: str, behind: datetime, jitter: int
) -> None:
    schedule = cron(text, zone, jitter=jitter)
    times = due.upcoming(schedule, due.first(schedule, behind))
    fired = [due.fire_at("nightly", schedule, each) for each in times]

    assert times[0] > behind
    assert all(earlier < later for earlier, later in pairwise(times))
    assert all(earlier <= later for earlier, later in pairwise(fired))
    for each, at in zip(times, fired, strict=True):
        assert each <= at <= each + timedelta(seconds=jitter)
        # From wherever one looks, what is due is the same.
        assert due.first(schedule, each - SECOND) == each


def test_jitter_is_the_same_for_whoever_asks_and_another_for_each_time_and_name() -> None:
    schedule = cron("0 3 * * *", jitter=3600)
    days = [time("2026-12-01T03:00") + timedelta(days=day) for day in range(200)]

    delays = [(due.fire_at("a", schedule, day) - day).total_seconds() for day in days]

    assert delays == [(due.fire_at("a", schedule, day) - day).total_seconds() for day in days]
    berlin = ZoneInfo("Europe/Berlin")
    assert due.fire_at("a", schedule, days[0].astimezone(berlin)) == due.fire_at(
        "a", schedule, days[0]
    )
    assert due.fire_at("b", schedule, days[0]) != due.fire_at("a", schedule, days[0])
    assert len(set(delays)) == 200
    assert min(delays) < 360
    assert max(delays) > 3240
    # In other processes too: nothing of it is of this one.
    assert due.fire_at("nightly", schedule, days[0]).isoformat(timespec="seconds") == (
        "2026-12-01T03:24:01+00:00"
    )


def test_jitter_never_reaches_behind_the_next_due_time() -> None:
    minutely = cron("* * * * *", jitter=3600)
    start = time("2026-12-01T03:00")

    for minute in range(100):
        at = start + timedelta(minutes=minute)
        assert due.fire_at("a", minutely, at) <= at + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("catch_up", "late", "expected"),
    [
        # In time: the very next is next, though it may be late as well.
        ("skip", 0, Plan(True, None, time("2026-12-01T03:10"))),
        ("skip", 60, Plan(True, None, time("2026-12-01T03:10"))),
        ("once", 60, Plan(True, None, time("2026-12-01T03:10"))),
        # Missed by a bit, before the next one.
        ("skip", 61, Plan(False, "seen 61 s late", time("2026-12-01T03:10"))),
        ("once", 61, Plan(True, "seen 61 s late", time("2026-12-01T03:10"))),
        # 04:00:30: the one of 04:00 is in time for who skips, and caught up for the other.
        ("skip", 3630, Plan(False, "seen 3630 s late", time("2026-12-01T04:00"))),
        ("once", 3630, Plan(True, "seen 3630 s late", time("2026-12-01T04:10"))),
        # Two days.
        ("skip", 172_900, Plan(False, "seen 172900 s late", time("2026-12-03T03:10"))),
        ("once", 172_900, Plan(True, "seen 172900 s late", time("2026-12-03T03:10"))),
    ],
)
def test_what_is_seen_late_is_skipped_or_run_once(catch_up: str, late: int, expected: Plan) -> None:
    schedule = cron("*/10 * * * *", catch_up=catch_up)
    at = time("2026-12-01T03:00")

    plan = due.plan("a", schedule, at, timedelta(seconds=late), at + timedelta(seconds=late))

    assert (plan.is_run, plan.next_at) == (expected.is_run, expected.next_at)
    assert (plan.why or "").startswith(expected.why or "")
    assert (plan.why is None) == (expected.why is None)


@pytest.mark.parametrize("catch_up", ["skip", "once"])
def test_one_time_that_was_missed_has_no_next(catch_up: str) -> None:
    schedule = once("2026-12-01T03:00:00Z", catch_up=catch_up)
    hour = timedelta(hours=1)

    plan = due.plan("a", schedule, time("2026-12-01T03:00"), hour, time("2026-12-01T04:00"))

    assert plan[::2] == (catch_up == "once", None)


@pytest.mark.parametrize("catch_up", ["skip", "once"])
def test_a_year_of_minutes_is_passed_over_at_once(catch_up: str) -> None:
    minutely = cron("* * * * *", catch_up=catch_up, jitter=3600)
    at, now = time("2026-12-01T03:00"), time("2027-12-01T03:00:30")

    plan = due.plan("a", minutely, at, now - at, now)

    assert plan.next_at is not None
    since = now if catch_up == "once" else now - TOLERANCE
    assert due.fire_at("a", minutely, plan.next_at) > since
    earlier = plan.next_at - timedelta(minutes=1)
    assert due.fire_at("a", minutely, earlier) <= since


NOW = time("2026-12-01T03:00:02")
DUE, TOMORROW = time("2026-12-01T03:00"), time("2026-12-02T03:00")


@pytest.mark.parametrize(
    ("was", "new", "next_at", "last_at", "expected"),
    [
        # As it was: due and not yet run, or run and moved on.
        (cron("0 3 * * *"), cron("0 3 * * *"), DUE, None, DUE),
        (cron("0 3 * * *"), cron("0 3 * * *"), TOMORROW, DUE, TOMORROW),
        # Other words for the same time.
        (cron("0 3 * * *"), cron("0 3 * * 0-6"), DUE, None, DUE),
        (cron("0 3 * * *"), cron("0 4 * * *", "Europe/Berlin"), DUE, None, DUE),
        # Other times: what is over is over.
        (cron("0 3 * * *"), cron("5 3 * * *"), DUE, None, time("2026-12-01T03:05")),
        (cron("5 3 * * *"), cron("0 3 * * *"), time("2026-12-01T03:05"), None, TOMORROW),
        # A clock that was set back does not make it due again.
        (cron("0 3 * * *"), cron("*/30 3 * * *"), TOMORROW, time("2026-12-01T03:30"), TOMORROW),
        # What it missed while it was paused is not caught up.
        (cron("0 3 * * *", paused=True), cron("0 3 * * *"), None, None, TOMORROW),
        (cron("0 3 * * *"), cron("0 3 * * *", paused=True), DUE, None, None),
        (once("2026-12-01T03:00:00Z"), once("2026-12-01T04:00:00+01:00"), None, DUE, None),
        (once("2026-12-01T03:00:00Z"), once("2026-12-01T03:00:00Z"), DUE, None, DUE),
    ],
)
def test_put_anew_no_due_time_is_lost_or_doubled(
    was: Schedule,
    new: Schedule,
    next_at: datetime | None,
    last_at: datetime | None,
    expected: datetime | None,
) -> None:
    before = Times(next_at, next_at)

    assert due.renewed("a", new, NOW, was=was, before=before, last_at=last_at).next_at == expected


def test_less_jitter_makes_nothing_missed() -> None:
    was, new = cron("0 3 * * *", jitter=3600), cron("0 3 * * *")
    now = time("2026-12-01T03:05")
    before = due.times("nightly", was, DUE)
    assert before.fire_at is not None
    assert before.fire_at > now

    assert due.renewed("nightly", new, now, was=was, before=before, last_at=None) == Times(DUE, now)
