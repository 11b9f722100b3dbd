"""Sign in with a token, as a page's plain form does it, and sign out."""

from http import HTTPStatus
from urllib.parse import urlencode

from flask import Flask, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from app import auth, sessions
from app.auditing import Action, doer, note
from app.problems import Problem
from app.services import Services
from app.sessions import Session
from app.tokens import Known, moment
from runner.store import sessions as ended


def register(app: Flask, services: Services) -> set[str]:
    """Serve both, and name their endpoints: they look for themselves at who calls."""

    def sign_in() -> BaseResponse:
        return _sign_in(services)

    def sign_out() -> BaseResponse:
        return _sign_out(services)

    for path, view in (("/sign-in", sign_in), ("/sign-out", sign_out)):
        app.add_url_rule(path, view_func=view, methods=["POST"], provide_automatic_options=False)
    return {"sign_in", "sign_out"}


def _sign_in(services: Services) -> BaseResponse:
    """Begin a session and go where the form says; back to the form if the token is wrong.

    `wrong=1` tells that it is, `wait` the seconds for which an address must wait before others.
    """
    sessions.require_own_origin(services)
    following = sessions.own_path(request.form.get("next"))
    try:
        known = auth.believe(services, request.form.get("token", "").strip().encode())
    except Problem as problem:
        if problem.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
            raise
        told = {"wrong": "1", "next": following, "wait": problem.headers.get("Retry-After")}
        query = urlencode({name: value for name, value in told.items() if value is not None})
        return redirect(f"/sign-in?{query}", HTTPStatus.SEE_OTHER)
    session = sessions.begin(services, known)
    _note(services, Action.SIGN_IN, known)
    response = redirect(following, HTTPStatus.SEE_OTHER)
    sessions.keep(services, response, session)
    return response


def _sign_out(services: Services) -> BaseResponse:
    """End the session, for whoever has its cookie, and go to the form."""
    known = sessions.find(services)
    session = sessions.current()
    if known is not None and session is not None:
        sessions.require_own_page(services)
        _note(services, Action.SIGN_OUT, known, session)
    response = redirect("/sign-in", HTTPStatus.SEE_OTHER)
    sessions.drop(response)
    return response


def _note(services: Services, action: Action, known: Known, session: Session | None = None) -> None:
    with services.connection() as conn, conn.transaction():
        if session is not None:
            ended.end(conn, session.id, moment(session.until))
        note(conn, doer(known.caller.name), action, f"token {known.caller.name}")
