"""The network of the faults is what it says: slow, cut, silent, and good again."""

import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from tests.proxy import Network, Way


@pytest.fixture
def echo(tmp_path):
    """A server that answers what it was asked; what it has heard is in its list."""
    heard = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "echo"))
        listening.listen()
        threading.Thread(target=serve, args=(listening, heard), daemon=True).start()
        yield tmp_path / "echo", heard
        listening.shutdown(socket.SHUT_RDWR)


def serve(listening, heard):
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection, heard), daemon=True).start()


def answer(connection, heard):
    with connection, suppress(OSError):
        while asked := connection.recv(1024):
            heard.append(asked)
            connection.sendall(asked)


@pytest.fixture
def proxy(echo):
    with Network() as network:
        yield network.proxy(echo[0])


@pytest.fixture
def client(proxy):
    with closing(connect(proxy)) as client:
        yield client


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(client, words=b"hello"):
    client.sendall(words)
    return client.recv(1024)


def is_over(client):
    try:
        return ask(client) == b""
    except ConnectionError:
        return True


def test_a_good_network_passes_everything_on(client):
    assert ask(client) == b"hello"


def test_a_closed_connection_is_closed_on_the_other_side(client):
    client.shutdown(socket.SHUT_WR)

    assert client.recv(1024) == b""


def test_a_slow_one_passes_it_on_later(proxy, client):
    proxy.delay(0.1)

    began = time.monotonic()

    assert ask(client) == b"hello"
    assert time.monotonic() - began >= 0.2  # there and back


def test_a_cut_closes_what_is_open_and_refuses_what_is_new(proxy, client):
    assert ask(client) == b"hello"

    proxy.cut()

    assert is_over(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.restore()
    with closing(connect(proxy)) as again:
        assert ask(again) == b"hello"


def test_a_black_hole_takes_connections_and_answers_nothing(proxy, echo, client):
    proxy.black_hole()
    client.settimeout(0.2)

    with pytest.raises(TimeoutError):
        ask(client, b"into the hole")
    with closing(connect(proxy)) as other:
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(other)

    assert echo[1] == []


def test_what_a_black_hole_has_kept_comes_late(proxy, client):
    proxy.black_hole()
    client.sendall(b"late")

    proxy.restore()

    assert client.recv(1024) == b"late"


def test_a_hole_for_answers_lets_the_question_happen(proxy, echo, client):
    proxy.black_hole(Way.TO_CLIENT)
    client.settimeout(0.2)

    with pytest.raises(TimeoutError):
        ask(client, b"do it")

    assert echo[1] == [b"do it"]


def test_a_server_that_is_away_is_a_closed_connection(tmp_path):
    with Network() as network, closing(connect(network.proxy(tmp_path / "nobody"))) as client:
        assert is_over(client)
