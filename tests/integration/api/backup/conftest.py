"""Two installations, each with a key of its own, and one of each kind declared in the first."""

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from tests import keys
from tests.api import TEMPLATE
from tests.integration.api.backup.place import BECOME, CHAT, HOOK, KEY, NIGHTLY, OTHER_KEY, Place


@pytest.fixture
def here(client: FlaskClient, database_url: str) -> Place:
    """The installation that is backed up."""
    return Place(database_url, KEY, client)


@pytest.fixture
def other_url(services, server, template_database, worker, numbers) -> Iterator[str]:
    """An empty database beside the test's own."""
    name = f"other_{worker}_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    yield services["postgres"].replace("/postgres?", f"/{name}?")
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def there(other_url: str, make_client: Callable[..., FlaskClient]) -> Place:
    """Another one, with another key."""
    client = make_client(database_url=other_url, secret_key=OTHER_KEY)
    return Place(other_url, OTHER_KEY, client)


@pytest.fixture
def token(here: Place) -> str:
    """Declares one of each kind, and tells the token among them."""
    here.put("credentials/root", BECOME)
    here.put("credentials/key", {"kind": "ssh_key", "private_key": keys.private_key()})
    here.put("templates/deploy", {**TEMPLATE, "credentials": ["root", "key"]})
    here.put("hooks/site", HOOK)
    here.put("hooks/chat", CHAT)
    here.put("schedules/nightly", NIGHTLY)
    made = here.client.post("/api/v1/tokens", json={"name": "ci", "rights": ["read", "run"]})
    return made.json["token"]
