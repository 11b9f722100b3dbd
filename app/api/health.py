"""For the platform: does this process answer, and is what it needs there."""

from collections import Counter
from http import HTTPStatus
from typing import Any

import psycopg
from flask import Response
from redis.exceptions import RedisError

from app.api.answers import HealthAnswer, ReadyAnswer
from app.operations import Operation, answer
from app.services import Services
from runner.store import runners
from runner.store.migrate import SchemaMissing, require_schema


def show_health(_: Services) -> Response:
    """Tell that this process answers."""
    return answer(HealthAnswer(status="ok"))


def show_readiness(services: Services) -> Response:
    """Tell what is there of what is needed.

    503 without Postgres. Without Redis it is degraded, not away: runs can be triggered, stopped
    and followed, only later by a tick; no platform should take it out of its balancer for that.
    """
    postgres, alive = _postgres(services)
    held = None if alive is None else Counter(str(runner["containment"]) for runner in alive)
    redis = _redis(services)
    status = "away" if alive is None else "ready" if redis == "ok" else "degraded"
    return answer(
        ReadyAnswer(
            status=status,
            postgres=postgres,
            redis=redis,
            runners=None if alive is None else len(alive),
            containment=held,
        ),
        HTTPStatus.SERVICE_UNAVAILABLE if alive is None else HTTPStatus.OK,
    )


def _postgres(services: Services) -> tuple[str, list[dict[str, Any]] | None]:
    """How Postgres is in words, and the runners that it knows to be alive."""
    try:
        with services.connection() as conn:
            require_schema(conn)
            return "ok", runners.alive(conn)
    except SchemaMissing as error:
        return str(error), None
    except psycopg.OperationalError:
        return "does not answer", None


def _redis(services: Services) -> str:
    try:
        services.redis.ping()
    except RedisError:
        return "does not answer"
    return "ok"


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
