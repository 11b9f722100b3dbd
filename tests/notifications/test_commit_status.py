"""Commit statuses: as each forge has them, on the commit that ran."""

import json

import pytest

from jobs.targets import commit_status
from jobs.targets.message import Answer, NotYet, Skipped
from runner.credential import ApiToken
from runner.notification import CommitStatus
from runner.run import RunState
from tests.notifications.telling import NOW, told
from tests.waiting import wait_until

SHA = "5" * 40
TOKEN = ApiToken(kind="api_token", base_url="https://forge.example", token="t0ken")


def build(forge, occasion="started", repository="ops/site", context=None, **run):
    target = CommitStatus(
        kind="commit_status",
        forge=forge,
        credential="forge",
        repository=repository,
        context=context,
    )
    return commit_status.build(told(occasion, **{"playbook_sha": SHA, **run}), target, TOKEN)


@pytest.mark.parametrize(
    ("forge", "url", "header"),
    [
        ("github", f"/repos/ops/site/statuses/{SHA}", ("Authorization", "Bearer t0ken")),
        ("gitea", f"/api/v1/repos/ops/site/statuses/{SHA}", ("Authorization", "token t0ken")),
        ("gitlab", f"/api/v4/projects/ops%2Fsite/statuses/{SHA}", ("PRIVATE-TOKEN", "t0ken")),
    ],
)
def test_each_forge_has_its_own_call(forge, url, header):
    request = build(forge)

    assert request.url == f"https://forge.example{url}"
    assert request.headers[header[0]] == header[1]
    body = json.loads(request.body)
    assert body["name" if forge == "gitlab" else "context"] == "curtain/deploy-web"
    assert body["target_url"] == "https://curtain.example/runs/12"


@pytest.mark.parametrize(
    ("pushed_to", "sha"), [("Ops/Site", "7" * 40), ("ops/other", SHA), (None, SHA)]
)
def test_the_status_is_that_of_the_pushed_commit_if_it_is_of_this_repository(pushed_to, sha):
    hook = {"name": "site", "repository": pushed_to, "sha": "7" * 40}

    assert build("github", hook=hook).url.endswith(f"/repos/ops/site/statuses/{sha}")


@pytest.mark.parametrize(
    ("occasion", "github", "gitlab"),
    [("started", "pending", "running"), ("succeeded", "success", "success"),
     ("failed", "failure", "failed")],
)  # fmt: skip
def test_the_state_is_said_in_the_words_of_the_forge(occasion, github, gitlab):
    states = [
        json.loads(build(forge, occasion).body)["state"] for forge in ("github", "gitea", "gitlab")
    ]

    assert states == [github, github, gitlab]


def test_every_end_has_a_state_that_the_forge_has():
    for forge, taken in {
        "github": {"pending", "success", "failure", "error"},
        "gitea": {"pending", "success", "failure", "error", "warning"},
        "gitlab": {"pending", "running", "success", "failed", "canceled"},
    }.items():
        states = commit_status.STATES[forge]
        assert set(states) == {"started", *RunState} - {"queued", "running"}
        assert set(states.values()) <= taken


def test_a_description_has_up_to_140_characters():
    body = json.loads(build("github", "failed", message="x" * 500, context="ci/x").body)

    assert len(body["description"]) == 140
    assert body["context"] == "ci/x"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ('Cannot transition status via :run from :running (Reason(s): …)', True),
        ('Cannot transition status via :run from :success', None),
        ("state does not have a valid value", None),
    ],
)  # fmt: skip
def test_gitlab_refuses_what_is_so_already(said, read):
    reading = build("gitlab").reading

    assert reading(Answer(400, json.dumps({"message": said}).encode())) is read
    assert reading(Answer(401, b"{}")) is None


def test_of_a_start_the_commit_is_waited_for():
    with pytest.raises(NotYet):
        build("github", playbook_sha=None)


@pytest.mark.parametrize(
    ("occasion", "run"),
    [
        ("failed", {"playbook_sha": None}),  # it ended before its commit was known
        ("started", {"state": RunState.FAILED, "finished_at": NOW}),  # pending would stay
        ("stuck", {}),
    ],
)
def test_where_there_is_no_status_to_set_none_is(occasion, run):
    with pytest.raises(Skipped):
        build("github", occasion, **run)


@pytest.fixture
def status(bench, target):
    """The target as a forge."""
    bench.keep("forge", kind="api_token", base_url=target.url, token="t0ken")
    return {
        "kind": "commit_status",
        "forge": "github",
        "credential": "forge",
        "repository": "ops/site",
    }


def test_a_start_is_told_when_its_commit_is_known_and_before_its_end(sending, post, target, status):
    run = post.start(post.queue(status))
    wait_until(lambda: post.rows()[0]["due_at"] > post.rows()[0]["created_at"])
    assert target.heard == []

    prepared = post.prepare(run)
    wait_until(lambda: target.heard)
    post.finish(prepared)

    post.await_states("sent", "sent")
    assert [heard.json["state"] for heard in target.heard] == ["pending", "success"]
    assert {heard.path for heard in target.heard} == {f"/repos/ops/site/statuses/{SHA}"}
    assert [row["attempts"] for row in post.rows()] == [1, 1]


def test_a_run_that_never_had_a_commit_is_skipped_with_the_reason(sending, post, target, status):
    post.finish(post.start(post.queue(status)), RunState.FAILED)

    rows = post.await_states("skipped", "skipped")
    assert target.heard == []
    assert ["has ended since" in rows[0]["reason"], "no commit" in rows[1]["reason"]] == [True] * 2
    assert post.attempts() == []
