"""What a rerun would find in the repositories: the job that looks, on a runner."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from rq.timeouts import JobTimeoutException

from jobs.questions import LIMIT, LookFailed
from runner.credential import Credential
from runner.credential import secrets as hidden
from runner.directories import make_directory, remove_directory
from runner.errors import CheckoutFailed, RunnerError
from runner.masks import Mask
from runner.opening import open_credentials
from runner.order import Order
from runner.orders import make_order
from runner.preview import PARTS, Told, add_commit, add_difference, places, reason
from runner.run import Run
from runner.settings import Settings
from runner.sources import Part
from runner.store import runs, templates
from runner.store.connection import Connection, connect
from runner.vault import Vault

#: Of the process that looks; set before its first errand.
SETTINGS: ContextVar[Settings] = ContextVar("SETTINGS")


def look(run_id: int) -> dict[Part, Any]:
    """Tell where the sources of a run were and are, and what lies between."""
    settings = SETTINGS.get()
    with connect(settings.database_url) as conn:
        run = runs.find(conn, run_id)
        if run is None:
            raise LookFailed
        renewed = _renewed(conn, run)
        told = {part: places(run, renewed, part) for part in PARTS}
        try:
            credentials = open_credentials(conn, Vault(settings.secret_key), renewed.spec)
        except RunnerError as error:
            return {part: each and {**each, "untold": reason(error)} for part, each in told.items()}
        installation = runs.installation(conn)
    # Keys lie there for as long as git runs. Whoever is killed leaves it to the watchdog, like a
    # run's: this run is final.
    directory = make_directory(settings.runs_directory, installation, run.id)
    try:
        order = make_order(renewed, {}, credentials, directory, installation, settings)
        _look_at_all(order, {part: each for part, each in told.items() if each})
        _hide(told, credentials)
    finally:
        remove_directory(directory)
    return told


def _renewed(conn: Connection, run: Run) -> Run:
    """The run as its rerun with the newest would be, as far as repositories are concerned."""
    stored = templates.find(conn, run.template)
    spec = stored.spec if stored else run.spec
    return replace(run, spec={**spec, "credentials": []}, playbook_sha=None, inventory_sha=None)


def _hide(told: Mapping[Part, Told | None], opened: Mapping[str, Credential]) -> None:
    """Hide secrets in what servers said: some repeat what they were sent."""
    mask = Mask({"credentials": [hidden(each) for each in opened.values()]})
    for source in told.values():
        if source and source["untold"]:
            source["untold"]["message"] = mask.text(source["untold"]["message"])


def _look_at_all(order: Order, told: dict[Part, Told]) -> None:
    left = dict(told)
    try:
        for part, source in told.items():
            add_commit(source, order, part)
        for part, source in told.items():
            add_difference(source, order, part)
            del left[part]
    except JobTimeoutException:  # it comes once: whatever began after it would have no limit
        late = reason(CheckoutFailed(f"it took more than {LIMIT} seconds", "timeout"))
        for source in left.values():
            source["untold"] = source["untold"] or late
