"""A hook of GitHub, and who has no token."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.integration.api.deliveries.noted import GITHUB, HOOK


@pytest.fixture
def hook(client: FlaskClient, template: str) -> Callable[..., None]:
    """Declare the hook, with changes."""

    def put(**changes: Any) -> None:
        response = client.put(HOOK, json={**GITHUB, **changes})
        assert response.status_code in (200, 201), response.text

    return put


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A sender: it has no token."""
    return app.test_client()
