"""Schedules that are due, and watchdogs that look at them."""

from datetime import timedelta

import pytest

from runner import clients
from runner.due import Times
from runner.schedule import Schedule
from runner.settings import Settings
from runner.store import schedules, templates, watch
from runner.store.connection import Line
from runner.store.schedules import Kept
from runner.template import Template
from runner.watchdog import Watchdog
from tests.api import TEMPLATE, TOKEN
from tests.integration.firing.fired import KEY, VAULT, YEARLY


@pytest.fixture
def template(conn):
    """A template that can be run."""
    templates.put(conn, "deploy", Template.model_validate(TEMPLATE).spec(), "ada")
    return "deploy"


@pytest.fixture
def make_due(conn, template):
    """Makes a schedule that is due since so many seconds, as if nobody had looked."""

    def make(name="nightly", *, ago=1.0, secrets=None, vault=VAULT, **body):
        spec = Schedule.model_validate(YEARLY | body).spec()
        at = watch.clock(conn) - timedelta(seconds=ago)
        kept = Kept(spec, list(secrets or {}), vault.seal(secrets or {}))
        schedules.put(conn, name, kept, Times(at, at), "ada")
        return schedules.find(conn, name)

    return make


@pytest.fixture
def make_watchdog(database_url, redis_url):
    """Makes watchdogs. They have one name, of this process: each thinks that it has the watch."""
    lines = []

    def make(redis_at=redis_url):
        settings = Settings.from_environ(
            {
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_at,
                "CURTAIN_ADMIN_TOKEN": TOKEN,
                "CURTAIN_SECRET_KEY": KEY,
            }
        )
        lines.append(Line(database_url))
        return Watchdog(settings, clients.connect(redis_at), lines[-1])

    yield make
    for line in lines:
        line.close()
