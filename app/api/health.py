"""For the platform: does this process answer, and is what it needs there."""

from http import HTTPStatus

import psycopg
from flask import Response
from redis.exceptions import RedisError

from app.api.health_answers import HealthAnswer, ReadyAnswer, WatchdogAnswer, WordAnswer
from app.api.ready_words import DISTRUSTED, OK, explain, is_watched
from app.operations import Operation, answer
from app.services import Services
from runner.clients import is_distrust
from runner.store import health
from runner.store.health import Health
from runner.store.migrate import SchemaMissing, require_schema


def show_health(_: Services) -> Response:
    """Tell that this process answers."""
    return answer(HealthAnswer(status="ok"))


def show_readiness(services: Services) -> Response:
    """Tell what is there of what is needed.

    503 without Postgres. Without Redis, runners or a watchdog it is degraded, not away: runs can
    be triggered, stopped and followed; no platform should take it out of its balancer for that.
    """
    postgres, seen = _postgres(services)
    redis, lease = _redis(services), services.settings.lease
    words = explain(postgres, seen, redis, lease=lease)
    return answer(
        ReadyAnswer(
            status=_status(seen, redis, lease=lease),
            postgres=postgres,
            redis=redis,
            runners=seen.runners if seen is not None else None,
            containment=seen.containment if seen is not None else None,
            watchdog=WatchdogAnswer.of(seen) if seen is not None else None,
            words=[WordAnswer.model_validate(word) for word in words],
        ),
        HTTPStatus.SERVICE_UNAVAILABLE if seen is None else HTTPStatus.OK,
    )


def _status(seen: Health | None, redis: str, *, lease: float) -> str:
    if seen is None:
        return "away"
    is_ready = redis == OK and seen.runners and is_watched(seen, lease)
    return "ready" if is_ready else "degraded"


def _postgres(services: Services) -> tuple[str, Health | None]:
    """How Postgres is in words, and what it tells."""
    try:
        with services.connection() as conn:
            require_schema(conn)
            return OK, health.read(conn)
    except SchemaMissing as error:
        return str(error), None
    except psycopg.OperationalError:
        return "does not answer", None


def _redis(services: Services) -> str:
    try:
        services.redis.ping()
    except RedisError as error:
        return DISTRUSTED if is_distrust(error) else "does not answer"
    return OK


OPERATIONS = (
    Operation(
        method="GET",
        path="/health",
        view=show_health,
        answers={HTTPStatus.OK: HealthAnswer},
        is_open=True,
    ),
    Operation(
        method="GET",
        path="/ready",
        view=show_readiness,
        answers={HTTPStatus.OK: ReadyAnswer, HTTPStatus.SERVICE_UNAVAILABLE: ReadyAnswer},
        is_open=True,
    ),
)
