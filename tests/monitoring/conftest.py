"""The application, as the tests of the API have it."""

from tests.integration.api.conftest import app, settings

__all__ = ["app", "settings"]
