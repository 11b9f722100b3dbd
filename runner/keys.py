"""Every key of ours in Redis, with its type and meaning. RQ's own keys begin with `rq:`."""

#: the RQ queue of runs; its jobs carry run ids and nothing else. See queue() for the others.
QUEUE = "curtain-runs"

#: the RQ queue of what web wants to know of repositories; its jobs carry run ids, too.
ERRANDS = "curtain-errands"

#: string, expires: some runner has just begun with the errands, so the others need not.
ERRANDS_TURN = "curtain:errands-turn"

#: the RQ queue of notifications; its jobs carry their ids and attempts.
NOTIFICATIONS = "curtain-notifications"

#: string, expires: some runner has just begun to send them, so the others need not.
NOTIFICATIONS_TURN = "curtain:notifications-turn"

#: stream: one entry a wish for the runners: {start|stop|look|errand: run id, …}. Bounded.
BELL = "curtain:bell"
BELL_LENGTH = 1000

#: channel: the id of a run whose output or state has moved on; a hint only, Postgres is read.
TAIL = "curtain:tail"


def queue(name: str, rank: int) -> str:
    """the RQ queue of the runs of one queue and priority."""
    return QUEUE if (name, rank) == ("default", 0) else f"{QUEUE}:{name}:{rank}"


def group(run_id: int) -> str:
    """hash {leader, created, keeper, runner, machine, boot}: where a run's process group is."""
    return f"curtain:group:{run_id}"


def look(token: str) -> str:
    """list with one answer: the live family of a run, as JSON. Expires."""
    return f"curtain:look:{token}"


def taken(hook: str, minute: int) -> str:
    """string, expires: how many deliveries a hook has taken in a minute."""
    return f"curtain:taken:{hook}:{minute}"


def denied(address: str, minute: int) -> str:
    """string, expires: how many deliveries from an address were not believed in a minute."""
    return f"curtain:denied:{address}:{minute}"


def trusted(address: str) -> str:
    """string, expires: until when an address is trusted, in seconds since 1970."""
    return f"curtain:trusted:{address}"


def mistaken(address: str, minute: int) -> str:
    """string, expires: how many tokens from an address were nobody's in a minute."""
    return f"curtain:mistaken:{address}:{minute}"
