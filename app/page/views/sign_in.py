"""Sign in by token."""

from flask import Response, request

from app.page.rendering import render
from app.sessions import own_path


def show_sign_in() -> Response:
    """Ask for a token; `wrong` and `wait` tell what came of the last one, see app.signing."""
    return render(
        "sign_in.html",
        title="Sign in",
        next=own_path(request.args.get("next")),
        is_wrong="wrong" in request.args,
        wait=request.args.get("wait", type=int),
    )
