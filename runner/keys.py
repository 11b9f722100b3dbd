"""Every key of ours in Redis, with its type and meaning. RQ's own keys begin with `rq:`."""

#: the RQ queue of runs; its jobs carry run ids and nothing else.
QUEUE = "curtain-runs"

#: stream: one entry a wish for the runners: {start|stop|look: run id, …}. Bounded.
BELL = "curtain:bell"
BELL_LENGTH = 1000

#: channel: the id of a run whose output or state has moved on; a hint only, Postgres is read.
TAIL = "curtain:tail"


def group(run_id: int) -> str:
    """hash {leader, created, keeper, runner, machine, boot}: where a run's process group is."""
    return f"curtain:group:{run_id}"


def look(token: str) -> str:
    """list with one answer: the live family of a run, as JSON. Expires."""
    return f"curtain:look:{token}"
