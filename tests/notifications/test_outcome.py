"""What an answer means, and when the next attempt is made."""

from datetime import UTC, datetime

import pytest

from jobs import outcome
from jobs.targets.message import Answer, by_status
from jobs.targets.told import SAID
from runner.notification import OCCASIONS

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def of(status, *, attempts=0, retry_after=None, reading=by_status, chance=0.5):
    answer = Answer(status, b"", retry_after)
    return outcome.of_answer(answer, reading, attempts=attempts, chance=chance, now=NOW)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "sent"),
        (204, "sent"),
        (299, "sent"),
        (101, "dead"),
        (301, "dead"),  # redirects are not followed
        (304, "dead"),
        (400, "dead"),
        (401, "dead"),
        (404, "dead"),
        (408, "pending"),
        (410, "dead"),
        (425, "pending"),
        (429, "pending"),
        (500, "pending"),
        (503, "pending"),
        (599, "pending"),
        (600, "pending"),
    ],
)
def test_a_status_says_whether_it_is_taken_now_later_or_never(status, state):
    assert of(status).state == state
    assert of(status).status == status
    assert (of(status).error is None) is (state == "sent")


def test_pauses_grow_until_the_last_attempt():
    pauses = [of(500, attempts=made).again_in for made in range(7)]

    assert pauses == [5.0, 30.0, 120.0, 600.0, 3600.0, 10_800.0, 21_600.0]
    last = of(500, attempts=7)
    assert last.state == "dead"
    assert "attempt 8, the last" in str(last.error)


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 4.5), (1.0, 5.5)])
def test_pauses_are_spread(chance, pause):
    assert of(500, chance=chance).again_in == pytest.approx(pause)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        (None, 5.0),
        ("", 5.0),
        ("60", 60.0),
        ("1", 5.0),  # our own pause is longer
        ("99999999999999999999", 3600.0),
        ("Sun, 29 Nov 2026 12:02:00 GMT", 120.0),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 5.0),
        ("Sun, 29 Nov 2099 12:00:00 GMT", 3600.0),
        ("soon", 5.0),
        ("-5", 5.0),
        ("nan", 5.0),
        ("١٢", 5.0),
    ],
)
def test_a_target_may_ask_for_up_to_an_hour(retry_after, pause):
    assert of(429, retry_after=retry_after).again_in == pause


@pytest.mark.parametrize(
    ("read", "state"),
    [(True, "sent"), (False, "pending"), ("no_service", "dead"), (None, "dead")],
)
def test_who_knows_the_target_reads_its_answer(read, state):
    assert of(400, reading=lambda _: read).state == state


@pytest.mark.parametrize(("status", "state"), [(421, "pending"), (452, "pending"), (550, "dead")])
def test_a_mail_server_says_it_the_other_way_round(status, state):
    assert outcome.of_refusal(status, "no", attempts=0, chance=0.5).state == state


def test_every_occasion_is_told_in_words():
    assert set(SAID) == set(OCCASIONS)
