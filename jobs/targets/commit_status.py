"""The status of a commit on its forge. The forge is the credential's, never a payload's."""

import re
from typing import Any
from urllib.parse import quote

from jobs.targets.message import Answer, NotYet, Reading, Request, Skipped, post_json
from jobs.targets.text import inert
from jobs.targets.told import Told
from runner.credential import ApiToken
from runner.notification import CommitStatus

LONGEST = 140  # characters of a description
GITHUB = {
    "started": "pending",
    "succeeded": "success",
    "failed": "failure",
    "timed_out": "failure",
    "stopped": "error",
    "interrupted": "error",
    "lost": "error",
}
GITLAB = {
    "started": "running",
    "succeeded": "success",
    "failed": "failed",
    "timed_out": "failed",
    "stopped": "canceled",
    "interrupted": "canceled",
    "lost": "failed",
}
STATES = {"github": GITHUB, "gitea": GITHUB, "gitlab": GITLAB}


def build(told: Told, target: CommitStatus, credential: ApiToken) -> Request:
    """Set the status. Raise Skipped when there is none to set, NotYet when one is about to be."""
    state = STATES[target.forge].get(told.occasion)
    if state is None:
        raise Skipped("no status of a commit says that")
    if told.is_outdated:
        raise Skipped("the run has ended since: its end is the status")
    commit = told.commit_of(target.repository)
    if commit is None:
        if told.is_end:
            raise Skipped("the run has no commit: it ended before that was known")
        raise NotYet
    context = target.context or f"curtain/{told.run.template}"
    description = inert(told.run.message or told.title if told.is_end else told.title, LONGEST)
    body: dict[str, Any] = {"state": state, "description": description}
    body |= {"target_url": told.link} if told.link else {}
    if target.forge == "gitlab":
        return _gitlab(target, credential, commit, {**body, "name": context})
    return _github(target, credential, commit, {**body, "context": context})


def _github(target: CommitStatus, credential: ApiToken, sha: str, body: Any) -> Request:
    """GitHub and Gitea, whose API has the same call below /api/v1."""
    root = "" if target.forge == "github" else "/api/v1"
    scheme = "Bearer" if target.forge == "github" else "token"
    url = f"{credential.base_url}{root}/repos/{target.repository}/statuses/{sha}"
    accept = {"Accept": "application/vnd.github+json"} if target.forge == "github" else {}
    return post_json(url, body, {"Authorization": f"{scheme} {credential.token}", **accept})


def _gitlab(target: CommitStatus, credential: ApiToken, sha: str, body: Any) -> Request:
    project = quote(target.repository, safe="")
    url = f"{credential.base_url}/api/v4/projects/{project}/statuses/{sha}"
    return post_json(url, body, {"PRIVATE-TOKEN": credential.token}, _repeats(body["state"]))


def _repeats(state: str) -> Reading:
    """Take GitLab's refusal to set what is set already for done."""

    def read(answer: Answer) -> bool | None:
        if answer.status != 400:
            return None
        body = answer.json()
        said = str(body.get("message")) if isinstance(body, dict) else ""
        was = re.search(r"Cannot transition status via :\w+ from :(\w+)", said)
        return True if was and was[1] == state else None

    return read
