"""E-mail, handed to a real server."""

import ssl

import pytest

from jobs.mail import MailRefused, hand_over
from jobs.outward import Unreachable
from jobs.targets import email
from runner.mail_server import mail_server
from runner.notification import Email
from tests.notifications.mailbox import open_mailbox
from tests.notifications.telling import HOSTILE, told
from tests.remotes.certificate import make_certificate
from tests.waiting import wait_until

FROM = "curtain@example.org"
TO = ["ada@example.org", "grace@example.org"]


@pytest.fixture
def mailbox():
    with open_mailbox() as box:
        yield box


def letter(**run):
    return email.build(told(**run), Email(kind="email", to=TO), FROM).message


def hand(box, message=None, url="smtp://127.0.0.1:{port}", tls=None):
    server = mail_server(url.format(port=box.port))
    return hand_over(message or letter(), server, tls or ssl.create_default_context())


def test_a_letter_says_what_happened(mailbox):
    assert hand(mailbox) is None

    (got,) = mailbox.letters
    assert (got.sender, got.receivers) == (FROM, TO)
    message = got.message
    assert message["Subject"] == "deploy-web: run 12 has failed"
    assert message["From"] == f"Curtain <{FROM}>"
    assert message["To"] == ", ".join(TO)
    assert message["Message-ID"] == "<run_12_failed_7_0@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == [
        "deploy-web: run 12 has failed",
        "2 hosts failed",
        "by ada (api): release 1.2",
        "https://curtain.example/runs/12",
    ]


def test_nothing_that_others_wrote_becomes_a_header(mailbox):
    evil = "x\r\nBcc: eve@example.org\r\n\r\n.\r\nMAIL FROM:<eve@example.org>\r\n" + HOSTILE
    hand(mailbox, letter(template=evil, message=evil, reason=evil, triggered_by=evil))

    (got,) = mailbox.letters
    assert got.receivers == TO
    assert got.message["Bcc"] is None
    assert "\n" not in got.message["Subject"]
    assert [line[:4] for line in mailbox.said] == ["ehlo", "mail", "rcpt", "rcpt", "data", "quit"]


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"RCPT": [b"550 nobody of that name hunter2"]}, 550),
        ({"RCPT": [b"450 greylisted", b"550 nobody"]}, 450),  # one may be there later
        ({"MAIL": [b"550 not you"]}, 550),
        ({"END": [b"451 try again"]}, 451),
        ({"END": [b"554 spam"]}, 554),
        ({"CONNECT": [b"421 busy"]}, 421),
    ],
)
def test_a_refusal_is_told_by_its_number_alone(mailbox, answers, status):
    mailbox.answers = answers

    with pytest.raises(MailRefused) as refused:
        hand(mailbox)

    assert refused.value.status == status
    assert str(status) in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_one_who_is_refused_keeps_it_from_nobody(mailbox):
    mailbox.answers = {"RCPT": [b"250 ok", b"550 nobody"]}

    assert hand(mailbox) == "refused for grace@example.org"
    assert len(mailbox.letters) == 1


def test_what_was_taken_is_taken_however_they_part(mailbox):
    mailbox.answers = {"QUIT": [b"554 what"]}

    assert hand(mailbox) is None


def test_a_server_that_is_not_there_may_come(mailbox):
    mailbox.letting_go.set()

    with pytest.raises(Unreachable):
        hand(mailbox, url="smtp://127.0.0.1:1")


@pytest.fixture
def certified(tmp_path):
    """A server's context, and a client's that believes it."""
    key, certificate = make_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls, ssl.create_default_context(cafile=str(certificate))


def test_a_password_is_told_under_tls_only(certified):
    ours, theirs = certified
    with open_mailbox(ours) as box:
        hand(box, url="smtp://bot:hunt%40r2@127.0.0.1:{port}?starttls", tls=theirs)

        assert len(box.letters) == 1
        verbs = [line.split()[0].upper() for line in box.said]
        assert verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")


def test_a_server_without_tls_gets_no_password(mailbox):
    with pytest.raises(Unreachable):
        hand(mailbox, url="smtp://bot:hunter2@127.0.0.1:{port}?starttls")

    assert not any("AUTH" in line.upper() for line in mailbox.said)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("smtp://mail.example", None),
        ("smtps://bot:pw@mail.example:465", None),
        ("smtp://bot:pw@mail.example?starttls", None),
        ("smtp://bot:pw@mail.example", "in clear"),
        ("smtp://bot@mail.example?starttls", "user and password"),
        ("http://mail.example", "must be smtp://"),
        ("smtp://mail.example:99999", "is no URL"),
        ("smtp://mail.example?tls=no", "no options but"),
        ("smtp://", "must be smtp://"),
    ],
)
def test_the_server_of_the_settings_is_one_that_can_be_spoken_to(url, fault):
    if fault is None:
        assert mail_server(url).host == "mail.example"
        return
    with pytest.raises(ValueError, match=fault):
        mail_server(url)


def test_a_run_tells_by_mail_once_though_the_server_was_busy(start, post, mailbox):
    mailbox.answers = {"END": [b"451 busy", b"250 taken"]}
    start(CURTAIN_SMTP_URL=f"smtp://127.0.0.1:{mailbox.port}", CURTAIN_SMTP_FROM=FROM)
    post.tell({"kind": "email", "to": ["ada@example.org"]})

    wait_until(lambda: post.hasten() or [row["state"] for row in post.rows()] == ["sent"])

    assert [attempt["status"] for attempt in post.attempts()] == [451, 250]
    assert len({each.message["Message-ID"] for each in mailbox.letters}) == 1


@pytest.mark.parametrize("missing", ["CURTAIN_SMTP_URL", "CURTAIN_SMTP_FROM"])
def test_without_the_settings_it_says_which(start, post, missing):
    given = {"CURTAIN_SMTP_URL": "smtp://127.0.0.1:1", "CURTAIN_SMTP_FROM": FROM}
    start(**{name: value for name, value in given.items() if name != missing})

    post.tell({"kind": "email", "to": ["ada@example.org"]})

    (row,) = post.await_states("dead")
    assert row["reason"] == f"{missing} is not set"
