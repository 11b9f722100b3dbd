"""The API keeps what its specification promises, for whatever schemathesis thinks of."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import BaseSchema

from app import failures
from app.api import OPERATIONS, PREFIX
from app.factory import create_app
from app.openapi import specification
from app.services import services_of
from runner.run import Run
from runner.settings import Settings
from tests.api import BEARER, TEMPLATE, TOKEN

EXAMPLES = 20  # for each operation
#: No schema tells what one template accepts, nor that a default keeps its own rule.
TAKEN = ["2xx", 401, 404, 409, 422]
CONFIG = {
    "generation": {"mode": "all"},
    "checks": {"positive_data_acceptance": {"expected-statuses": TAKEN}},
    "operations": [
        # It would hardly ever guess a name.
        *(
            {"include-name": name, "parameters": {"name": "deploy"}}
            for name in (
                "GET /api/v1/templates/{name}",
                "POST /api/v1/templates/{name}/runs",
                "GET /api/v1/credentials/{name}",
                "DELETE /api/v1/credentials/{name}",
                "GET /api/v1/schedules/{name}",
                "DELETE /api/v1/schedules/{name}",
                "POST /api/v1/schedules/{name}/compare",
            )
        ),
        # Of rules within rules it would make cases for minutes, in every process and before the
        # first test; test_api_hooks has a table of what is wrong with a hook.
        {
            "include-name": "PUT /api/v1/hooks/{name}",
            "phases": {"coverage": {"enabled": False}},
        },
        # There is no runner that could look.
        {
            "include-name": "GET /api/v1/runs/{run_id}/rerun",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": [*TAKEN, 503]},
                "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 503]},
            },
        },
    ],
    "phases": {"coverage": {"generate-duplicate-query-parameters": False}},
}


SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
#: As "GET /api/v1/runs".
NAMES = [
    f"{method.upper()} {path}"
    for path, operations in specification(OPERATIONS, PREFIX)["paths"].items()
    for method in operations
]
CREDENTIAL = {"kind": "become_password", "password": "hunter2"}


def offline() -> Flask:
    """Make an application that only tells its specification: it connects to nothing for that."""
    nowhere = {"DATABASE_URL": "postgresql://nowhere", "REDIS_URL": "redis://nowhere"}
    secrets = {"CURTAIN_ADMIN_TOKEN": TOKEN, "CURTAIN_SECRET_KEY": TOKEN}
    return create_app(Settings.from_environ(nowhere | secrets))


@pytest.fixture(scope="session")
def schema() -> BaseSchema:
    """The specification of everything."""
    config = SchemathesisConfig.from_dict(CONFIG)
    return schemathesis.openapi.from_wsgi("/openapi.json", offline(), config=config)


@pytest.fixture
def populated(
    app: Flask,
    client: FlaskClient,
    template: str,
    queued: Callable[[], Run],
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
    write: Callable[[Run, int, bytes], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Flask:
    """The application with a credential in use, runs that wait and runs that are over."""
    client.put("/api/v1/credentials/deploy", json=CREDENTIAL)
    client.put("/api/v1/templates/using", json=TEMPLATE | {"credentials": ["deploy"]})
    client.put("/api/v1/schedules/deploy", json={"template": "using", "cron": "0 3 * * *"})
    for _ in range(3):
        queued()
        run = running()
        write(run, 0, b"PLAY [all]\n")
        finish(run)
    # Nobody plays these runs: who waits for their end shall not wait long.
    services_of(app).followers.is_closing = lambda: True
    # It sees to it that wrong tokens are refused with 401, more often than one address may.
    monkeypatch.setattr(failures, "MOST", 10**9)
    return app


@pytest.mark.parametrize("name", NAMES)
def test_the_api_keeps_its_specification(name: str, schema: BaseSchema, populated: Flask) -> None:
    method, path = name.split()
    operation = schema[path][method]
    operation.app = populated

    def keeps_it(case: Case[Any]) -> None:
        case.call_and_validate(headers={"Authorization": BEARER})

    # By schemathesis' own decorator every process would make all cases before its first test.
    build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=keeps_it,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=SETTINGS,
    )()
