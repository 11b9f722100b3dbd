"""The documentation as one plain page, made of the specification: no script, nothing from a CDN."""

import secrets
from typing import Any

from flask import Response, render_template


def page(specification: dict[str, Any]) -> Response:
    """Write the page. Its one style sheet is the only thing that a browser may use."""
    nonce = secrets.token_urlsafe(16)
    html = render_template("docs.html", specification=specification, nonce=nonce)
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'"
    return Response(html, headers={"Content-Security-Policy": policy})
