"""What an attempt at a notification has come to, and when the next one is made. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from jobs.targets.message import Answer, Reading
from runner.store.outbox import Outcome

#: Seconds between attempts: one at once, and seven more within ten hours and three quarters.
PAUSES: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 10_800.0, 21_600.0)
TRIES: Final = len(PAUSES) + 1
JITTER: Final = 0.2  # of a pause, at most: what failed together shall not come back together
MOST_PATIENCE: Final = 3600.0  # seconds that a target may ask for
MAIL_TAKEN: Final = 250  # what a mail server answers
AGAIN: Final = (408, 425, 429)  # and 5xx: it may be taken later


def of_answer(
    answer: Answer, reading: Reading, *, attempts: int, chance: float, now: datetime
) -> Outcome:
    """What *answer* means, after *attempts* before this one; *chance* is 0 to 1."""
    taken = reading(answer)
    status = answer.status
    if taken is True or (taken is None and 200 <= status < 300):
        return Outcome("sent", status)
    error = _words(status, taken)
    if taken is False or (taken is None and (status in AGAIN or status >= 500)):
        asked = patience(answer.retry_after, now)
        return again(error, attempts=attempts, chance=chance, status=status, asked=asked)
    return Outcome("dead", status, error)


def of_refusal(status: int, error: str, *, attempts: int, chance: float) -> Outcome:
    """What a mail server's *status* means: 4xx is for now, 5xx is for good."""
    if status < 500:
        return again(error, attempts=attempts, chance=chance, status=status)
    return Outcome("dead", status, error)


def again(
    error: str,
    *,
    attempts: int,
    chance: float,
    status: int | None = None,
    asked: float = 0.0,
) -> Outcome:
    """To be tried again, unless that was the last time; *asked*: the seconds the target wants."""
    if attempts + 1 >= TRIES:
        return Outcome("dead", status, f"{error}; that was attempt {attempts + 1}, the last")
    pause = PAUSES[attempts] * (1 + JITTER * (chance - 0.5))
    return Outcome("pending", status, error, max(pause, asked))


def _words(status: int, why: bool | str | None) -> str:
    if 300 <= status < 400:
        return f"it redirects ({status}), and redirects are not followed"
    phrase = next((each.phrase for each in HTTPStatus if each == status), "")
    return f"it answers {status} {phrase}".rstrip() + (f": {why}" if isinstance(why, str) else "")


def patience(retry_after: str | None, now: datetime) -> float:
    """The seconds that a Retry-After asks for, as a number or a date; up to MOST_PATIENCE."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), MOST_PATIENCE)
    try:
        wanted = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    return min(max(0.0, (wanted - now).total_seconds()), MOST_PATIENCE)
