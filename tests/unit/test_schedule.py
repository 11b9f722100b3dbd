"""What a schedule may say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.faults import faults_of
from runner.schedule import Schedule, zones

NIGHTLY = {"template": "deploy", "cron": "0 3 * * 1-5"}
ONCE = {"template": "deploy", "at": "2026-12-01T03:00:00+01:00"}


@pytest.mark.parametrize(
    "body",
    [
        NIGHTLY,
        ONCE,
        NIGHTLY | {"timezone": "Europe/Berlin"},
        NIGHTLY | {"cron": " 0  3 * * MON-FRI "},
        NIGHTLY | {"cron": "0 0 LW * *"},
        NIGHTLY | {"cron": "0 0 * 2 MON#5"},  # the next one is in 2044
        NIGHTLY | {"jitter": 3600, "catch_up": "once", "paused": True, "limit": "web1"},
        ONCE | {"at": "2026-12-01t02:00:00.5z"},
    ],
)
def test_what_may_be_said_is_kept_as_it_is_said(body: dict[str, Any]) -> None:
    schedule = Schedule.model_validate(body)

    assert Schedule.model_validate(schedule.spec()) == schedule


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"template": "deploy"}, "", "either"),
        (NIGHTLY | ONCE, "", "either"),
        (ONCE | {"timezone": "UTC"}, "", "offset of its own"),
        (NIGHTLY | {"cron": "0 0 30 2 *"}, "cron", "ever comes"),
        (NIGHTLY | {"cron": "0 0 31 4,6 *"}, "cron", "ever comes"),
        (NIGHTLY | {"cron": "0 0 * 2 1#6"}, "cron", "ever comes"),
        (NIGHTLY | {"cron": "60 * * * *"}, "cron", "Bad minute"),
        (NIGHTLY | {"cron": "* * * * * *"}, "cron", "five fields"),  # seconds
        (NIGHTLY | {"cron": "@daily    "}, "cron", "five fields"),
        (NIGHTLY | {"cron": f"*/{'9' * 5000} * * * *"}, "cron", "at most 200"),
        (NIGHTLY | {"timezone": "Europe/Atlantis"}, "timezone", "no time zone"),
        (NIGHTLY | {"timezone": "../../etc/passwd"}, "timezone", "no time zone"),
        (NIGHTLY | {"timezone": "localtime"}, "timezone", "no time zone"),  # of which machine?
        (ONCE | {"at": "2026-12-01T03:00:00"}, "at", "timezone"),
        (ONCE | {"at": "2026-12-01"}, "at", "RFC 3339"),
        (ONCE | {"at": 1_800_000_000}, "at", "RFC 3339"),
        (ONCE | {"at": "9999-12-31T23:59:59-23:00"}, "at", "before the year"),
        (NIGHTLY | {"jitter": 3601}, "jitter", "less than or equal"),
        (NIGHTLY | {"jitter": 1.5}, "jitter", "integer"),
        (NIGHTLY | {"catch_up": "all"}, "catch_up", "once"),
        (NIGHTLY | {"paused": "no"}, "paused", "boolean"),
        (NIGHTLY | {"limit": "@hosts"}, "limit", "file"),
        (NIGHTLY | {"vars": {"class": 1}}, "vars.class", "keyword"),
        (NIGHTLY | {"when": "later"}, "when", "not known"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Schedule.model_validate(body)

    [(where, message)] = faults_of(refused.value)
    assert where == field
    assert words in message


FIELD = st.text(alphabet="0123456789*,-/#LWMONSUNJAN²٣ßé", min_size=1, max_size=9)


@given(st.lists(FIELD, min_size=5, max_size=5).map(" ".join))
def test_no_text_makes_anything_but_a_schedule_or_a_fault(text: str) -> None:
    faults: list[str] = []
    try:
        Schedule.model_validate(NIGHTLY | {"cron": text})
    except ValidationError as error:
        faults = [each["type"] for each in error.errors()]
    assert faults in ([], ["value_error"])  # no assertion of the library's


def test_zones_are_those_that_there_are() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} <= zones()
    assert len(zones()) > 400
