"""Spans for OpenTelemetry: of requests and runs, joined; and nothing waits for a collector."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from app.factory import create_app
from app.services import services_of
from jobs import runs as jobs
from runner.admission import Admitted
from runner.run import RunState, Trigger
from runner.settings import Settings
from runner.store import runs
from runner.wanted import Wanted
from tests import playbooks
from tests.api import TEMPLATE
from tests.collector import attributes, collector
from tests.runners import LOCAL, ROOT
from tests.waiting import wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01"
QUICK = {"RUNNER_LEASE": "3"}  # seconds: a round of the watchdog each half


@pytest.fixture
def receiver(monkeypatch):
    """A collector that this process exports to."""
    with collector() as here:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", here.url)
        yield here


@pytest.fixture
def client(bench, receiver):
    """Somebody with the token, of an application that traces."""
    app = create_app(
        Settings.from_environ({**bench.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
    )
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {bench.environ['CURTAIN_ADMIN_TOKEN']}"
    yield client
    services_of(app).close()


def trigger(bench, url, traceparent):
    """Trigger a run as a request of somebody's span does."""
    source = {"repository": url, "ref": "main", "path": "site.yml"}
    spec = {**bench.spec, "playbook": source, "inventory": {"content": LOCAL}}
    wanted = Wanted(template="test", spec=spec, trigger=Trigger.API, by="ada")
    run = runs.insert(bench.conn, replace(wanted, traceparent=traceparent))
    jobs.hand_over(bench.redis, Admitted(run=run))
    return run


def test_a_run_joins_the_trace_of_the_request_that_triggered_it(client, receiver, conn):
    assert client.put("/api/v1/templates/deploy", json=TEMPLATE).status_code == 201
    response = client.post(
        "/api/v1/templates/deploy/runs", json={}, headers={"traceparent": CALLER}
    )
    wait_until(lambda: receiver.named("POST /api/v1/templates/<name>/runs"))

    (span,) = receiver.named("POST /api/v1/templates/<name>/runs")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert attributes(span)["http.response.status_code"] == 202
    run = runs.find(conn, response.json["id"])
    assert run.traceparent == f"00-{TRACE}-{span.span_id.hex()}-01"


def test_without_a_collector_a_run_still_carries_its_caller_s_trace(bench, conn):
    app = create_app(Settings.from_environ(bench.environ))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {bench.environ['CURTAIN_ADMIN_TOKEN']}"
    client.put("/api/v1/templates/deploy", json=TEMPLATE)
    for given, carried in ((CALLER, CALLER), ("nonsense", None), (CALLER.replace("4", "G"), None)):
        response = client.post(
            "/api/v1/templates/deploy/runs", json={}, headers={"traceparent": given}
        )
        assert runs.find(conn, response.json["id"]).traceparent == carried
    services_of(app).close()


def test_the_spans_of_a_run_tell_what_it_did_when(bench, start, playbook, receiver):
    start(**QUICK, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    run = trigger(bench, playbook(playbooks.HELLO).url, CALLER)
    ended = bench.await_final(run)
    wait_until(lambda: receiver.named("run test"))

    (whole,) = receiver.named("run test")
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, SPAN)
    told = attributes(whole)
    assert told["curtain.run.id"] == run.id
    assert (told["curtain.template"], told["curtain.run.state"]) == ("test", "succeeded")
    parts = [receiver.named(name)[0] for name in ("queued", "preparing", "playing")]
    assert all(part.parent_span_id == whole.span_id for part in parts)
    moments = [ended.queued_at, ended.claimed_at, ended.playing_at, ended.finished_at]
    seen = [parts[0].start_time_unix_nano, *(part.end_time_unix_nano for part in parts)]
    assert [at / 1e9 for at in seen] == pytest.approx([at.timestamp() for at in moments], abs=1e-3)


def test_nothing_waits_for_a_collector_that_hangs(bench, start, playbook, receiver):
    receiver.answers.clear()
    runner = start(**QUICK, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    url = playbook(playbooks.SLEEPING).url
    for _ in range(2):  # the second, when the collector holds the spans of the first
        run = trigger(bench, url, None)
        bench.await_output(run, b"ready")
        bench.stop(run)
        stopped = bench.await_final(run)
        assert stopped.state is RunState.STOPPED
        assert stopped.stop_seconds < 5
        wait_until(lambda: receiver.requests)

    began = time.monotonic()
    runner.terminate()

    assert time.monotonic() - began < 15
    assert bench.family(run) == []


#: Asks an app for its runs, twice: as a web that has just started, and with all of it imported.
ASKING = """
import logging, os
from app.factory import create_app
from runner.settings import Settings
logging.basicConfig(format="%(message)s")
for _ in range(2):
    client = create_app(Settings.from_environ(os.environ)).test_client()
    with_token = {"Authorization": "Bearer " + os.environ["CURTAIN_ADMIN_TOKEN"]}
    print(client.get("/api/v1/runs", headers=with_token).status_code)
"""


@pytest.mark.parametrize(
    "wrong",
    ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT"],
    ids=["read when imported", "read when used"],
)
def test_a_wrong_variable_ends_the_traces_and_no_request(bench, receiver, wrong):
    environ = {**bench.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, wrong: "abc"}

    asked = subprocess.run(
        [sys.executable, "-c", ASKING], env=environ, cwd=ROOT, capture_output=True, text=True
    )

    assert asked.stdout == "200\n200\n", asked.stderr
    assert asked.stderr.count(f"no traces: a variable of OpenTelemetry's is wrong: {wrong}") == 2
    assert receiver.requests == []


def test_nothing_of_it_is_imported_where_nobody_wants_it(bench):
    asked = """
import sys, os
from app.factory import create_app
from runner.settings import Settings
import runner.__main__
create_app(Settings.from_environ(os.environ)).test_client().get("/health")
ours = ("opentelemetry.exporter", "opentelemetry.sdk.trace")  # redis imports others by itself
print([name for name in sys.modules if name.startswith(ours)])
"""
    found = subprocess.run(
        [sys.executable, "-c", asked], env=bench.environ, cwd=ROOT, capture_output=True, text=True
    )

    assert found.stdout == "[]\n", found.stderr
