"""What SNS sends is believed by Amazon's certificate, and by nobody else's."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.hooks import aws_sns
from app.hooks.event import Event, faults
from app.hooks.incoming import Denied, Unreadable
from tests.hooks import amazon
from tests.hooks.sent import NOW, payload

DAY = 86_400


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


NOTIFICATION = payload("aws/sns_notification_v2.json") | {"Timestamp": at(NOW)}
SUBSCRIPTION = payload("aws/sns_subscription_confirmation.json") | {"Timestamp": at(NOW)}
URL = NOTIFICATION["SigningCertURL"]


@pytest.mark.parametrize(
    "content",
    [
        NOTIFICATION,
        NOTIFICATION | {"Subject": None},
        NOTIFICATION | {"Message": "text\nof lines é"},
        SUBSCRIPTION,
        SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"},
    ],
)
def test_what_amazon_has_signed_is_believed(content):
    request = amazon.request(amazon.sign(content))

    assert aws_sns.fetched_from(request, amazon.keys(fetched=None)) == URL
    aws_sns.verify(request, amazon.keys(), NOW)


@pytest.mark.parametrize("field", [*amazon.FIELDS, "Type"])
def test_each_field_that_is_signed_is_believed_as_it_was(field):
    content = SUBSCRIPTION if field in ("SubscribeURL", "Token") else NOTIFICATION
    kind = "UnsubscribeConfirmation" if field == "Type" else None
    topic = f"{amazon.TOPIC}2"
    changed = {field: kind or {"TopicArn": topic, "Timestamp": at(NOW + 1)}.get(field, "other")}
    request = amazon.request(amazon.sign(content) | changed)

    with pytest.raises(Denied):
        aws_sns.verify(request, amazon.keys(topics=(amazon.TOPIC, topic)), NOW)


@pytest.mark.parametrize(
    "url",
    [
        payload("aws/sns_evil_cert.json")["SigningCertURL"],
        "https://sns.x.amazonaws.com.evil/a.pem",
        "https://sns.x.amazonaws.com/a.pem",  # no region has one letter
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com/a.pem?",
        "https://sns.eu-west-1.amazonaws.com/a.pem#.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem\n",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.comXcn/a.pem",
        "https://sns.eu-west-1.amazonaws.com/../a.pem",
        "file:///etc/sns.eu-west-1.amazonaws.com/a.pem",
        "",
        None,
    ],
)
def test_no_certificate_is_fetched_from_elsewhere(url):
    request = amazon.request(amazon.sign(NOTIFICATION, SigningCertURL=url))

    with pytest.raises(Denied):
        aws_sns.fetched_from(request, amazon.keys(fetched=None))
    with pytest.raises(Denied):
        aws_sns.verify(request, amazon.keys(), NOW)


def test_china_has_a_host_of_its_own():
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem"
    request = amazon.request(amazon.sign(NOTIFICATION, SigningCertURL=url))

    assert aws_sns.fetched_from(request, amazon.keys()) == url


@pytest.mark.parametrize(
    "changed",
    [
        {"TopicArn": "arn:aws:sns:eu-west-1:666666666666:MyTopic"},
        {"TopicArn": f"{amazon.TOPIC}2"},
        {"TopicArn": None},
        {"Type": "Other"},
        {"Type": None},
        {"SignatureVersion": "3"},
        {"SignatureVersion": "1"},
    ],
)
def test_nothing_is_fetched_for_what_would_not_be_believed(changed):
    content = {k: v for k, v in {**NOTIFICATION, **changed}.items() if v is not None}

    with pytest.raises(Denied):
        aws_sns.fetched_from(amazon.request(content), amazon.keys(fetched=None))


def test_sha1_is_believed_where_the_hook_allows_it():
    content = payload("aws/sns_notification_v1.json") | {"Timestamp": at(NOW)}
    request = amazon.request(amazon.sign(content))

    aws_sns.verify(request, amazon.keys(allow_sha1=True), NOW)
    with pytest.raises(Denied):
        aws_sns.verify(request, amazon.keys(), NOW)


@pytest.mark.parametrize(
    ("moment", "is_believed"),
    [
        (NOW - 3600, True),
        (NOW - 3601, False),
        (NOW + 3600, True),
        (NOW + 3601, False),
    ],
)
def test_a_message_is_believed_for_an_hour(moment, is_believed):
    request = amazon.request(amazon.sign(NOTIFICATION, Timestamp=at(moment)))

    if is_believed:
        aws_sns.verify(request, amazon.keys(), NOW)
    else:
        with pytest.raises(Denied, match="too far from now"):
            aws_sns.verify(request, amazon.keys(), NOW)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "now",
        "2026-13-45T00:00:00Z",
        "2026-03-31",
        "\u0662\u0660\u0662\u0666-03-31T23:33:20Z",
        "9" * 400,
    ],
)
def test_what_is_no_time_is_denied(said):
    with pytest.raises(Denied, match="too far from now"):
        aws_sns.verify(
            amazon.request(amazon.sign(NOTIFICATION, Timestamp=said)), amazon.keys(), NOW
        )


@pytest.mark.parametrize(
    "pem",
    [
        None,
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"<html>not found</html>",
        amazon.elliptic(),
        amazon.certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        amazon.certificate(valid_from=NOW - 40 * DAY),
        amazon.certificate(valid_from=NOW + DAY),
    ],
    ids=["none", "empty", "broken", "html", "elliptic", "another's", "expired", "future"],
)
def test_a_certificate_that_is_none_is_denied(pem):
    request = amazon.request(amazon.sign(NOTIFICATION))

    with pytest.raises(Denied):
        aws_sns.verify(request, amazon.keys(fetched=pem), NOW)


@pytest.mark.parametrize("signature", ["", "AAAA", "é", "not base64!", None, 1, ["AAAA"]])
def test_a_signature_that_is_none_is_denied(signature):
    content = {**NOTIFICATION, "Signature": signature}

    with pytest.raises(Denied):
        aws_sns.verify(amazon.request(content), amazon.keys(), NOW)


PUSH = Event(
    event="push",
    delivery="22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    ref="refs/heads/master",
    sha="5c4ef1049f1d27deadbeeff313e0730018be182b",
    repository="my-repo",
    urls=("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/my-repo",),
    actor="arn:aws:iam::123456789012:root",
    created=False,
    deleted=False,
)


@pytest.mark.parametrize("name", ["sns_notification_v1", "sns_notification_v2"])
def test_a_trigger_of_codecommit_is_a_push(name):
    content = aws_sns.read(amazon.request(payload(f"aws/{name}.json")))

    assert content["Message"] == payload("aws/codecommit_event.json")
    assert aws_sns.events({}, content) == [PUSH]


def test_each_ref_of_a_trigger_is_an_event():
    message = payload("aws/codecommit_event.json")
    message["Records"][0]["codecommit"]["references"] += [
        {"ref": "refs/tags/v1", "commit": "1" * 40, "created": True},
        {"ref": "refs/heads/old", "commit": "2" * 40, "deleted": True},
    ]

    events = aws_sns.events({}, {**NOTIFICATION, "Message": message})

    assert [(each.event, each.ref, each.created, each.deleted) for each in events] == [
        ("push", "refs/heads/master", False, False),
        ("tag", "refs/tags/v1", True, False),
        ("push", "refs/heads/old", False, True),
    ]
    assert events[2].sha is None


def test_eventbridge_tells_of_pushes_to_codecommit():
    message = {  # the shape that EventBridge's documentation has
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "resources": ["arn:aws:codecommit:us-east-1:123456789012:my-repo"],
        "detail": {
            "event": "referenceUpdated",
            "repositoryName": "my-repo",
            "referenceType": "branch",
            "referenceName": "master",
            "referenceFullName": "refs/heads/master",
            "commitId": "5c4ef1049f1d27deadbeeff313e0730018be182b",
            "oldCommitId": "0" * 39 + "1",
            "callerUserArn": "arn:aws:iam::123456789012:root",
        },
    }
    content = aws_sns.read(amazon.request({**NOTIFICATION, "Message": json.dumps(message)}))

    (event,) = aws_sns.events({}, content)

    assert event.before == "0" * 39 + "1"
    assert (event.ref, event.sha, event.urls) == (PUSH.ref, PUSH.sha, PUSH.urls)
    assert faults(event) == []


@pytest.mark.parametrize("message", ["the disk is full", '{"detail-type": "Alarm"}', "[1]", "{"])
def test_other_messages_are_events_whose_content_rules_can_see(message):
    content = aws_sns.read(amazon.request({**NOTIFICATION, "Message": message}))

    (event,) = aws_sns.events({}, content)

    assert (event.event, event.ref) == ("Notification", None)
    assert event.message == "UPDATE: My Repository"
    assert event.action == ("Alarm" if "Alarm" in message else None)


def test_a_subscription_names_the_address_at_which_people_confirm_it():
    content = aws_sns.read(amazon.request(SUBSCRIPTION))

    (event,) = aws_sns.events({}, content)

    assert event.event == "SubscriptionConfirmation"
    assert event.message == f"to subscribe, open {SUBSCRIPTION['SubscribeURL']}"


@pytest.mark.parametrize("url", ["https://evil.example/?Action=ConfirmSubscription", "", None])
def test_nobody_is_told_to_open_an_address_elsewhere(url):
    (event,) = aws_sns.events({}, {**SUBSCRIPTION, "SubscribeURL": url})

    assert event.message is None


def test_a_push_without_a_ref_is_refused():
    message = {"Records": [{"codecommit": {"references": [{}]}}]}

    with pytest.raises(Unreadable):
        aws_sns.events({}, {**NOTIFICATION, "Message": message})
