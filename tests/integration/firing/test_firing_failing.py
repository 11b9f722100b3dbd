"""Due times that make no run, or not at once, and what is noted of that."""

import socket

import pytest

from runner import due, queue
from runner.store import schedules, templates
from runner.template import Template
from runner.vault import Vault
from tests.api import NO_REDIS, TEMPLATE
from tests.integration.firing.fired import SECRET, fire_now, made
from tests.waiting import wait_until


def test_without_redis_it_is_fired_all_the_same_and_enqueued_later(
    conn, redis, make_due, make_watchdog
):
    make_due()

    make_watchdog(NO_REDIS).reconcile()
    [run] = made(conn)
    assert queue.waiting(redis) == set()

    watchdog = make_watchdog()
    wait_until(lambda: watchdog.reconcile() and queue.waiting(redis) == {run.id})
    assert len(made(conn)) == 1


def test_a_redis_that_is_silent_holds_the_watchdog_up_once_and_not_for_each(
    conn, make_due, make_watchdog
):
    for number in range(20):
        make_due(f"schedule-{number}")
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        watchdog = make_watchdog(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        seconds = watchdog.reconcile().seconds

    assert len(made(conn)) == 20
    assert seconds < due.TOLERANCE.total_seconds()  # for each it would be 700


@pytest.mark.parametrize(
    ("accepts", "why"),
    [
        ({}, "vars.version is not accepted by this template"),
        (
            {"version": {"type": "string"}, "region": {"type": "string", "required": True}},
            "vars.region is required",
        ),
        ({"version": {"type": "integer"}}, "vars.version must be an integer"),
    ],
)
def test_a_template_that_has_changed_is_noted_and_the_next_time_comes(
    conn, make_due, make_watchdog, caplog, accepts, why
):
    seen = make_due(vars={"version": "1.2"})
    changed = Template.model_validate(TEMPLATE | {"accepts": accepts}).spec()
    templates.put(conn, "deploy", changed, "ada")

    make_watchdog().reconcile()

    now = schedules.find(conn, "nightly")
    assert (now.last_at, now.last_outcome, now.last_why) == (seen.next_at, "failed", why)
    assert now.next_at > seen.next_at
    assert made(conn) == []
    assert f"schedule nightly: no run for {seen.next_at}: {why}" in caplog.text


def test_what_was_secret_is_not_shown_by_a_template_that_has_changed(conn, make_due):
    seen = make_due(secrets=SECRET)
    open_now = TEMPLATE | {"accepts": {"password": {"type": "string"}}}
    templates.put(conn, "deploy", Template.model_validate(open_now).spec(), "ada")

    assert fire_now(conn, seen) is None

    now = schedules.find(conn, "nightly")
    assert now.last_why == "vars.password was secret when it was given and would be shown now"


def test_secrets_that_no_key_reads_are_no_run(conn, make_due):
    assert fire_now(conn, make_due(secrets=SECRET, vault=Vault("lost"))) is None

    now = schedules.find(conn, "nightly")
    assert now.last_outcome == "failed"
    assert "CURTAIN_SECRET_KEY" in now.last_why


def test_one_that_cannot_be_read_keeps_no_other_from_being_fired(
    conn, make_due, make_watchdog, caplog
):
    make_due("broken", ago=9)
    make_due("sound")
    conn.execute("""UPDATE schedules SET spec = spec || '{"cron": "?"}' WHERE name = 'broken'""")

    make_watchdog().reconcile()

    assert [run.schedule["name"] for run in made(conn)] == ["sound"]
    assert "schedule broken: it is tried again in the next round" in caplog.text
