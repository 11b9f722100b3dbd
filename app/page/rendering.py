"""Makes pages of our templates: what each of them may use, and the headers that hold it down."""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, render_template

from app.auth import find_caller
from app.page import words
from app.page.assets import asset_url
from app.page.callers import may
from app.sessions import csrf_token

#: Nothing but our own files and the API: no inline script, no inline style, no frame.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def equip(page: Blueprint) -> None:
    """Give our templates their words."""
    filters: dict[str, Any] = {
        "span": words.span,
        "iso": words.iso,
        "utc": words.utc,
        "size": words.size,
        "counted": words.counted,
        "written": written,
    }
    for name, made in filters.items():
        page.add_app_template_filter(made, name)
    page.add_app_template_filter(lambda time: words.ago(time, datetime.now(UTC)), "ago")


def render(file: str, code: HTTPStatus = HTTPStatus.OK, /, *, title: str, **shown: Any) -> Response:
    """Write the page that the template *file* makes of what is *shown*."""
    html = render_template(
        file,
        title=title,
        asset=asset_url,
        caller=find_caller(),
        csrf=csrf_token(),
        may=may,
        now=datetime.now(UTC),
        **shown,
    )
    return Response(html, code, headers={"Content-Security-Policy": POLICY})


def written(value: Any) -> str:
    """Write a value as JSON for people; a text as it is."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if len(str(value)) > 60 else None)
