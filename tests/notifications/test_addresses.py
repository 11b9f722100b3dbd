"""Nothing that a target leads to is spoken to but what is public, or allowed."""

import socket
import ssl

import pytest

from jobs.addresses import Allowed
from jobs.outward import Forbidden, Unreachable, Way, exchange
from jobs.targets.message import Request
from tests.notifications.target import (
    drip,
    flood,
    flood_of_headers,
    garbage,
    hang,
    open_target,
    reset,
    status,
)
from tests.remotes.certificate import make_certificate

NOBODY = Allowed.of(())
PUBLIC = "93.184.215.14"

PRIVATE = [
    "0.0.0.0",  # noqa: S104 nothing is bound to it
    "10.1.2.3",
    "100.64.0.1",  # carriers' NAT
    "127.0.0.1",
    "127.8.9.1",
    "169.254.169.254",  # clouds tell their secrets there
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of loopback
    "2002:5db8:d70e::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_nobodys_on_the_internet_is_refused(address):
    assert "not public" in str(NOBODY.fault("some.example", address, is_plain=False))


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "2606:4700::1111", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"],
)
def test_what_is_public_is_not(address):
    assert NOBODY.fault("some.example", address, is_plain=False) is None


def test_what_is_public_is_told_nothing_in_clear():
    assert "https://" in str(NOBODY.fault("some.example", PUBLIC, is_plain=True))


@pytest.mark.parametrize(
    ("allowed", "host", "address", "is_allowed"),
    [
        ("10.1.0.0/16", "x.example", "10.1.2.3", True),
        ("10.1.0.0/16", "x.example", "10.2.2.3", False),
        ("10.1.0.0/16", "x.example", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "x.example", "64:ff9b::a01:203", True),
        ("10.1.2.3", "x.example", "10.1.2.3", True),
        ("chat.internal", "chat.internal", "10.1.2.3", True),
        ("chat.internal", "CHAT.internal", "10.1.2.3", True),
        ("chat.internal", "evil.chat.internal", "10.1.2.3", False),
        ("fd00::/8", "x.example", "fd00::1", True),
        ("fd00::/8", "x.example", "10.0.0.1", False),
    ],
)
@pytest.mark.parametrize("is_plain", [True, False])
def test_the_setting_allows_what_it_names_and_no_more(allowed, host, address, is_allowed, is_plain):
    fault = Allowed.of([allowed]).fault(host, address, is_plain=is_plain)

    assert (fault is None) is is_allowed


# Through the socket


@pytest.fixture
def target():
    with open_target() as target:
        yield target


@pytest.fixture
def names(monkeypatch):
    """Gives names the addresses that a test wants; what is asked for twice gets the next answer."""
    answers: dict[str, list[list[str]]] = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host not in answers:
            return look_up(host, port, *args, **kwargs)
        given = answers[host]
        addresses = given.pop(0) if len(given) > 1 else given[0]
        return [entry for each in addresses for entry in look_up(each, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return answers


def outward(*allowed):
    return Way(Allowed.of(allowed), ssl.create_default_context())


def ask(url, *allowed, seconds=5.0, way=None):
    request = Request(url, b"{}", {"X-Secret": "s3cret"})
    return exchange(request, way or outward(*allowed), seconds=seconds)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "0"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_this_machine_is_connected_to(target, host, scheme):
    with pytest.raises((Forbidden, Unreachable)) as refused:
        ask(f"{scheme}://{host}:{target.port}/")

    assert "time" not in str(refused.value)
    assert target.heard == []


def test_a_name_of_this_machine_is_not_connected_to(target, names):
    names["public.example"] = [["127.0.0.1"]]

    with pytest.raises(Forbidden):
        ask(f"https://public.example:{target.port}/")

    assert target.heard == []


def test_one_bad_address_among_good_ones_is_enough(target, names):
    names["mixed.example"] = [[PUBLIC, "127.0.0.1"]]

    with pytest.raises(Forbidden):
        ask(f"https://mixed.example:{target.port}/")


def test_what_was_checked_is_what_is_connected_to(target, names):
    """A name that is another one the second time: it is never looked up twice."""
    names["rebinding.example"] = [["127.0.0.1"], [PUBLIC]]

    answer = ask(f"http://rebinding.example:{target.port}/x", "127.0.0.1")

    assert answer.status == 200
    assert names["rebinding.example"] == [[PUBLIC]]
    assert target.heard[0].headers["host"] == f"rebinding.example:{target.port}"


def test_an_address_that_is_allowed_is_spoken_to_in_clear(target):
    assert ask(f"{target.url}/x", "127.0.0.0/8").status == 200


def test_a_redirect_is_not_followed(target):
    with open_target() as other:
        target.answers = [status(302, Location=f"{other.url}/x")]

        assert ask(target.url, "127.0.0.1").status == 302

        assert other.heard == []


def test_no_proxy_of_the_environment_is_used(target, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert ask(target.url, "127.0.0.1").status == 200


@pytest.mark.parametrize("how", [hang, drip, reset, garbage, flood_of_headers])
def test_a_target_that_misbehaves_is_given_up_in_time(target, how):
    target.answers = [how]

    with pytest.raises(Unreachable):
        ask(target.url, "127.0.0.1", seconds=1.0)


def test_of_an_answer_without_end_only_the_beginning_is_read(target):
    target.answers = [flood]

    answer = ask(target.url, "127.0.0.1")

    assert (answer.status, len(answer.body)) == (200, 4096)


def test_a_certificate_of_nobody_is_not_believed(tmp_path):
    key, certificate = make_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with open_target(tls) as target:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            ask(target.url, "127.0.0.1")
        believing = Way(
            Allowed.of(["127.0.0.1"]), ssl.create_default_context(cafile=str(certificate))
        )

        assert ask(target.url, way=believing).status == 200

        assert len(target.heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://s3cret.invalid/s3cret-path?s3cret=query",
        f"https://{'a' * 64}.example/s3cret-path",
        "https://xn--/s3cret-path",
        "http://127.0.0.1:1/s3cret-path",
    ],
)
def test_no_error_tells_the_url(url):
    with pytest.raises((Forbidden, Unreachable)) as failed:
        ask(url, "127.0.0.1")

    assert "s3cret" not in repr(failed.value)
    assert failed.value.__cause__ is None
