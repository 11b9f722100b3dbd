"""What `up` asks its own web: is it there, and how far have the runs counted."""

import http.client
import json
import urllib.error
import urllib.request

#: This machine's address is never to be asked through a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_answering(address: str) -> bool:
    """Whether the web at *address* is up."""
    try:
        with _OPENER.open(f"{address}/health", timeout=1.0) as answer:
            return bool(answer.status == http.client.OK)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def last_run(address: str, token: str) -> int:
    """Return the number of the newest run; 0 when there is none."""
    request = urllib.request.Request(  # noqa: S310 - the address is ours, and http
        f"{address}/api/v1/runs?limit=1", headers={"Authorization": f"Bearer {token}"}
    )
    with _OPENER.open(request, timeout=5.0) as answer:
        runs = json.load(answer)["runs"]
    return int(runs[0]["id"]) if runs else 0
