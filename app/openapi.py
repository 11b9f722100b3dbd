"""The specification, OpenAPI 3.1, made of the operations and their models."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.api.problem_answers import ProblemAnswer
from app.operations import JSON, AnyQuery, NoQuery, Operation, Query
from app.problems import MEDIA_TYPE
from runner.storable import BIGGEST
from runner.template import NAME

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

PATH_PARAMETERS: Json = {
    "run_id": {"type": "integer", "minimum": 1, "maximum": BIGGEST},
    "delivery_id": {"type": "integer", "minimum": 1, "maximum": BIGGEST},
    "notification_id": {"type": "integer", "minimum": 1, "maximum": BIGGEST},
    "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
}

#: Problems that do not depend on what an operation does.
ALWAYS = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
#: Of whoever must be known.
OF_CALLERS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
WITH_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def specification(operations: Sequence[Operation], prefix: str) -> Json:
    """Describe *operations*; those with a token are below *prefix*."""
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        path = full_path(operation, prefix)
        described = _describe(operation, schemas)
        paths.setdefault(re.sub("<(.+?)>", r"{\1}", path), {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Curtain",
            "version": "1",
            "description": "Run Ansible playbooks, and stop them so that they really stop.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def full_path(operation: Operation, prefix: str) -> str:
    """Where the operation is; open ones are for the platform, at the top."""
    return operation.path if operation.is_open else prefix + operation.path


class _Schemas:
    """The models of all operations, each described once."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        bodies = {operation.body for operation in operations if operation.body}
        answers: set[type[BaseModel]] = {ProblemAnswer}
        for operation in operations:
            answers.update(model for model in operation.answers.values() if model)
        modes: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        modes += [(model, "validation") for model in bodies]
        modes += [(model, "serialization") for model in answers]
        modes.sort(key=lambda wanted: wanted[0].__name__)
        self._references, definitions = models_json_schema(modes, ref_template=REFERENCE)
        self.components: Json = definitions["$defs"]

    def body(self, model: type[BaseModel]) -> Json:
        return self._references[model, "validation"]

    def answer(self, model: type[BaseModel]) -> Json:
        return self._references[model, "serialization"]


def _describe(operation: Operation, schemas: _Schemas) -> Json:
    summary, _, description = (operation.view.__doc__ or "").partition("\n")
    described: Json = {
        "operationId": operation.name,
        "summary": summary.rstrip("."),
        "description": " ".join(description.split()),
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.body:
        described["requestBody"] = {
            "required": any(
                declared.is_required() for declared in operation.body.model_fields.values()
            ),
            "content": {JSON: {"schema": schemas.body(operation.body)}},
        }
    if operation.takes_anything:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": {}}}}
    if operation.is_open:
        described["security"] = []
    elif operation.right:
        described["security"] = [{"token": [operation.right]}]
    return described


def _parameters(operation: Operation) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}
        for name in re.findall("<(.+?)>", operation.path)
    ]
    in_headers = _declared(operation.headers, "header") if operation.headers else []
    return [*in_path, *_declared(operation.query, "query"), *in_headers]


def _declared(model: type[Query | AnyQuery], where: str) -> list[Json]:
    """Describe the parameters of *model*; enumerations are written out in place."""
    schema = model.model_json_schema()
    return (
        [
            {
                "name": name,
                "in": where,
                "required": name in schema.get("required", []),
                "description": described.pop("description", ""),
                "schema": _inlined(described, schema.get("$defs", {})),
            }
            for name, described in schema["properties"].items()
        ]
        if model not in (NoQuery, AnyQuery)
        else []
    )


def _inlined(schema: Any, definitions: Json) -> Any:
    """Replace references, and leave null out: a parameter that is not given is not there."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]]
    given = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if given:
        return _inlined(given[0], definitions)
    return {key: _inlined(item, definitions) for key, item in schema.items()}


def _responses(operation: Operation, schemas: _Schemas) -> Json:
    problems = {*operation.problems, *ALWAYS, HTTPStatus.UNPROCESSABLE_ENTITY}
    if operation.body:
        problems.update(WITH_BODY)
    if not operation.is_open:
        problems.update(OF_CALLERS)
    problem = {MEDIA_TYPE: {"schema": schemas.answer(ProblemAnswer)}}
    responses = {
        str(int(status)): {"description": status.phrase, "content": problem}
        for status in sorted(problems)
    }
    for status, model in operation.answers.items():
        responses[str(int(status))] = {
            "description": status.phrase,
            **_content(operation, status, model, schemas),
        }
    return dict(sorted(responses.items()))


def _content(
    operation: Operation, status: HTTPStatus, model: type[BaseModel] | None, schemas: _Schemas
) -> Json:
    if status is HTTPStatus.NO_CONTENT:
        return {}
    if model is None:
        return {
            "content": {media: {"schema": {"type": "string"}} for media in operation.media_types}
        }
    texts = {media: {"schema": {"type": "string"}} for media in operation.media_types}
    return {"content": {JSON: {"schema": schemas.answer(model)}, **texts}}
