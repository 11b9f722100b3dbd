"""A hook at which GitHub may push, and who has no token."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.api.hooks.pushed import GITHUB, HOOK


@pytest.fixture
def hook(client: FlaskClient, template: str) -> Callable[..., Any]:
    """Declare the hook, with changes."""

    def put(**changes: Any) -> Any:
        response = client.put(HOOK, json={**GITHUB, **changes})
        assert response.status_code in (200, 201), response.text
        return response.json

    return put


@pytest.fixture
def stranger(client: FlaskClient, app: Any) -> FlaskClient:
    """A sender: it has no token."""
    return app.test_client()
