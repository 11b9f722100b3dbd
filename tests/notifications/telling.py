"""Events of runs, made of nothing, for what writes messages of them."""

import json
from datetime import UTC, datetime

from jobs.targets.told import Told
from runner.credential import ApiToken, Webhook
from runner.run import RunState
from tests.made import make_run

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOOK = Webhook(kind="webhook", url="https://chat.example/hook/s3cret")
BOT = ApiToken(kind="api_token", base_url="https://api.example", token="b0t")
#: What somebody could write to be heard by everybody, to look like us, or to mislead.
HOSTILE = (
    "<!channel> <@U1> @all @here @everyone <users/all> </at> [here](https://evil.example) "
    "<https://evil.example|curtain.example> **bold** `code` \u202egnp.exe \u200b\nrun 99 succeeded"
)


def told(occasion="failed", link="https://curtain.example/runs/12", **run):
    """Something to tell; *run* over what a run is then."""
    is_end = occasion in ("failed", "succeeded")
    basics = {"template": "deploy-web", "reason": "release 1.2"}
    if is_end:
        ended = {"phase": None, "message": "2 hosts failed", "finished_at": NOW}
        basics |= {"state": RunState(occasion), **ended}
    return Told(
        event_id=7,
        target=0,
        occasion=occasion,
        at=NOW,
        state=occasion if is_end else "running",
        run=make_run(**{**basics, **run}),
        link=link,
        now=NOW,
    )


def body(request):
    """What a request says."""
    return json.loads(request.body)
