"""A Redis behind TLS whose certificate nobody has signed, as Heroku gives it."""

from urllib.parse import unquote, urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotConnected

from runner import clients
from runner.run import RunState
from runner.settings import Settings
from tests.playbooks import HELLO
from tests.tls import open_tls


@pytest.fixture
def secure_url(redis_url, tmp_path):
    """The address of the test's Redis by TLS."""
    parts = urlsplit(redis_url)
    with open_tls(unquote(parts.path), tmp_path) as port:
        yield f"rediss://127.0.0.1:{port}?{parts.query}"


def client(bench, url, **environ) -> Redis:
    settings = Settings.from_environ(bench.environ | {"REDIS_URL": url} | environ)
    return clients.connect(settings.redis_url)


def test_it_is_believed_only_when_that_was_asked_for(bench, secure_url):
    with client(bench, secure_url, REDIS_TLS_VERIFY="0") as redis:
        assert redis.ping()
    with client(bench, secure_url) as redis, pytest.raises(NotConnected) as refused:
        redis.ping()
    assert "CERTIFICATE" in str(refused.value)
    assert "REDIS_TLS_VERIFY=0" in clients.explain(refused.value)


def test_only_a_certificate_is_told_as_one(bench):
    with client(bench, "rediss://127.0.0.1:1") as redis, pytest.raises(NotConnected) as refused:
        redis.ping()

    assert clients.explain(refused.value) == str(refused.value)


def test_what_the_address_says_comes_first(bench, secure_url):
    asked = f"{secure_url}&ssl_cert_reqs=required"

    with client(bench, asked, REDIS_TLS_VERIFY="0") as redis, pytest.raises(NotConnected):
        redis.ping()


def test_a_run_is_played_over_it(bench, start, playbook, secure_url):
    start(REDIS_URL=secure_url, REDIS_TLS_VERIFY="0")

    final = bench.await_final(bench.trigger(playbook(HELLO).url))

    assert final.state is RunState.SUCCEEDED
    assert bench.family(final) == []
