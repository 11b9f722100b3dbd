"""What /ready sees, said in words: what is wrong with each part, and what to do. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from runner.store.health import Health
from runner.store.runners import FRESH

OK = "ok"
DISTRUSTED = "shows a certificate that is not believed"
UNWATCHED = 30.0  # seconds, at least, without a round of the watchdog; a lease if that is longer
LONG = 60.0  # seconds in the queue after which free slots are odd


class Word(NamedTuple):
    """How one part is."""

    part: str
    is_well: bool
    says: str
    #: None when there is nothing to be done.
    advice: str | None = None


def explain(postgres: str, seen: Health | None, redis: str, *, lease: float) -> list[Word]:
    """Say how every part is; of what only Postgres tells nothing while it is away."""
    words = [_postgres(postgres), _redis(redis)]
    if seen is not None:
        words += [_runners(seen), _watchdog(seen, lease), _queue(seen), _stops(seen)]
        words += _notifications(seen)
    return words


def is_watched(seen: Health, lease: float) -> bool:
    """Whether a watchdog has made a round lately."""
    return seen.seconds_ago is not None and seen.seconds_ago <= max(UNWATCHED, lease)


def _postgres(state: str) -> Word:
    if state == OK:
        return Word("postgres", True, "Postgres answers and its tables are those of this version.")
    if "migrate" in state:
        return Word(
            "postgres",
            False,
            "Postgres answers, but its tables are of an older version: nothing can be done.",
            f"Run the release phase: {state}.",
        )
    return Word(
        "postgres",
        False,
        "Postgres does not answer: nothing can be triggered, stopped or shown. Runs play on.",
        "See whether the server at DATABASE_URL is up, reachable from web, and not out of "
        "connections. Nothing else need be started again when it is back.",
    )


def _redis(state: str) -> Word:
    if state == OK:
        return Word("redis", True, "Redis answers.")
    if state == DISTRUSTED:
        return Word(
            "redis",
            False,
            "The certificate of Redis is not believed: runs are queued, but none starts.",
            "If it is meant to be self-signed, as Heroku's is, set REDIS_TLS_VERIFY=0 for all "
            "processes; else see what REDIS_URL leads to.",
        )
    return Word(
        "redis",
        False,
        "Redis does not answer: runs are queued and stopped, but start and show output later.",
        "See whether the server at REDIS_URL is up and reachable from web. Nothing is lost: what "
        "it should have been told is made up for by the watchdog.",
    )


def _runners(seen: Health) -> Word:
    if not seen.runners:
        return Word(
            "runners",
            False,
            f"No runner was heard of in the last {FRESH} seconds: queued runs wait.",
            "Start one (`runner` of the Procfile); if one should be there, its log says why it "
            "left or does not reach Postgres.",
        )
    if seen.missing:
        programs = " and no ".join(seen.missing)
        return Word(
            "runners",
            False,
            f"{_many(seen.runners, 'runner')}, of which some have no {programs}: their runs fail.",
            "Install it there and start them again; on Heroku's stacks since heroku-24 git comes "
            "by the Aptfile and its buildpack. GET /api/v1/runners tells which they are.",
        )
    held = ", ".join(f"{count} by {kind}" for kind, count in sorted(seen.containment.items()))
    return Word(
        "runners",
        True,
        f"{_many(seen.runners, 'runner')}, {seen.busy} of {_many(seen.slots, 'slot')} taken; "
        f"they hold families: {held}.",
        "Where it says subreaper, let the runner write to its cgroup (run it as root, or in a "
        "systemd service with Delegate=yes): it is surer."
        if "subreaper" in seen.containment
        else None,
    )


def _watchdog(seen: Health, lease: float) -> Word:
    if is_watched(seen, lease):
        return Word("watchdog", True, f"Its last round ended {seen.seconds_ago:.0f} s ago.")
    last = "none was ever made" if seen.seconds_ago is None else f"{seen.seconds_ago:.0f} s ago"
    return Word(
        "watchdog",
        False,
        f"No round was made lately (the last: {last}): runs of dead runners are not settled.",
        "Start a runner, which has a watchdog inside, or `watchdog` of the Procfile; if one is "
        "there, its log says why its rounds fail.",
    )


def _queue(seen: Health) -> Word:
    waited = seen.oldest_queued_seconds
    if waited is None:
        return Word("queue", True, "No run waits.")
    waits = f"{_many(seen.queued, 'run')} in the queue, the oldest for {waited:.0f} s"
    if not seen.runners:
        return Word("queue", False, f"{waits}; no runner is there to take it.", "Start a runner.")
    if seen.busy >= seen.slots:
        return Word(
            "queue",
            True,
            f"{waits}; all slots are taken.",
            "Start more runners, or give them more RUNNER_SLOTS, if that is too long.",
        )
    if waited <= LONG:
        return Word("queue", True, f"{waits}.")
    return Word(
        "queue",
        False,
        f"{waits}, while slots are free.",
        "See whether the runners reach Redis: their logs say so.",
    )


def _stops(seen: Health) -> Word:
    if not seen.stuck_stopping:
        return Word("stops", True, f"{_many(seen.stopping, 'run')} being stopped, none is stuck.")
    return Word(
        "stops",
        False,
        f"{_many(seen.stuck_stopping, 'run')} being stopped for longer than a stop can take.",
        "The log has an error a minute that names the run, its machine and what would not die. "
        "Force the stop, or end those processes there.",
    )


def _notifications(seen: Health) -> Iterator[Word]:
    if seen.notifications_dead:
        yield Word(
            "notifications",
            True,
            f"{_many(seen.notifications_dead, 'notification')} given up in the last 30 days.",
            "GET /api/v1/notifications?state=dead says why for each; POST …/retry sends it again.",
        )


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
