"""What an endpoint takes and answers, declared once: for its checks and for the specification.

Our own on Flask and pydantic, because APIFlask 3.1.2 with pydantic models (tried) takes JSON of
any content type (so a form of another site is taken too), refuses an absent body with 400, answers
500 to deep nesting, takes NaN, and of a repeated query parameter sees the first only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import from_json
from werkzeug.routing import IntegerConverter

from app.faults import faults_of
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner.storable import unstorable

M = TypeVar("M", bound=BaseModel)

JSON = "application/json"


class Query(BaseModel):
    """Takes the parameters that it declares; they come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoQuery(Query):
    """Takes no parameters."""


class AnyQuery(BaseModel):
    """Takes whatever a stranger's URL has behind its path, and looks at none of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RunIdConverter(IntegerConverter):
    """An id that a run or a notification can have; anything else is not found."""

    # Complete, and not checked behind: what a converter refuses after the expression is answered
    # with 405, not 404, where two operations have one path (Werkzeug 3.1). And Python refuses to
    # read a number of 4,301 digits, with an error.
    regex = "0{0,9}[1-9][0-9]{0,17}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint."""

    method: str
    path: str
    #: Called with the services, the path's parts and what is declared below; its first line of
    #: documentation is the summary.
    view: Callable[..., Response]
    #: The body of each status that is no problem; None is plain text.
    answers: Mapping[HTTPStatus, type[BaseModel] | None]
    #: The statuses that are problems, beside those that every operation has.
    problems: tuple[HTTPStatus, ...] = ()
    query: type[Query | AnyQuery] = NoQuery
    headers: type[Query] | None = None
    body: type[BaseModel] | None = None
    #: Needs nobody in particular, and is at the top, for the platform and for senders.
    is_open: bool = False
    #: What its caller must have; a GET needs READ unless it says otherwise.
    right: Right | None = None
    #: Needs a caller and no right; what else it needs, its view requires.
    is_for_every_caller: bool = False
    #: Is about what belongs to no template: a caller with patterns may not.
    needs_all_templates: bool = False
    #: The view reads the body itself: its form is the caller's.
    takes_anything: bool = False
    #: Media types of an answer that is not JSON.
    media_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what forgets to say who may."""
        if self.is_open or self.is_for_every_caller:
            assert self.right is None, f"{self.name} needs no right, and names one"
        elif self.right is None:
            assert self.method == "GET", f"{self.name} must say which right it needs"
            object.__setattr__(self, "right", Right.READ)

    @property
    def name(self) -> str:
        """The operation's id in the specification, and the endpoint's."""
        return self.view.__name__

    def call(self, services: Services, path: dict[str, Any]) -> Response:
        """Check the request and answer it. Raise a Problem naming all that is wrong."""
        given: dict[str, Any] = {}
        if self.query is AnyQuery:
            given["query"] = AnyQuery()
        elif self.query is NoQuery:
            read_query(NoQuery)
        else:
            given["query"] = read_query(self.query)
        if self.headers is not None:
            given["headers"] = read_headers(self.headers)
        if self.body is not None:
            given["body"] = read_body(self.body)
        return self.view(services, **path, **given)


def answer(
    model: BaseModel, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Write *model* as JSON."""
    return Response(
        model.model_dump_json(by_alias=True), status, dict(headers or {}), content_type=JSON
    )


def read_query(model: type[M]) -> M:
    """Read the query's parameters. Raise a 422 problem."""
    return _read_texts(model, dict(request.args.lists()))


def read_headers(model: type[M]) -> M:
    """Read the headers that *model* declares. Raise a 422 problem."""
    names = [str(declared.alias) for declared in model.model_fields.values()]
    return _read_texts(
        model, {name: request.headers.getlist(name) for name in names if name in request.headers}
    )


def read_body(model: type[M]) -> M:
    """Read a JSON body; none at all is an empty object. Raise a 400, 413, 415 or 422 problem."""
    raw = request.get_data(cache=False)
    if len(raw) == request.max_content_length:
        # Werkzeug cuts a chunked body there without a word; reading on raises the 413.
        request.stream.read(1)
    if raw and request.mimetype != JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {JSON}")
    try:
        payload: JsonValue = from_json(raw, allow_inf_nan=False) if raw else {}
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from None
    return _validate(model, payload, "the body")


def _read_texts(model: type[M], texts: dict[str, list[str]]) -> M:
    repeatable = {
        name
        for name, declared in model.model_fields.items()
        if getattr(declared.annotation, "__origin__", None) is list
    }
    if repeated := [name for name in texts if len(texts[name]) > 1 and name not in repeatable]:
        raise invalid([(name, "was given more than once") for name in repeated])
    values = {name: given if name in repeatable else given[0] for name, given in texts.items()}
    return _validate(model, values, "the query")


def _validate(model: type[M], payload: Any, whole: str) -> M:
    faults = unstorable(payload)
    if not faults:
        try:
            return model.model_validate(payload)
        except ValidationError as error:
            faults = faults_of(error)
    raise invalid([(place or whole, text) for place, text in faults])
