"""Style sheets and scripts as they are, at addresses that change with their content."""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask import Response, abort

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: The address names the content, so that what is kept is never old.
FOR_EVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file."""

    content: bytes
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """Read all files, by their paths. They are few, and no path of a caller reaches the disk."""
    return {
        str(file.relative_to(FOLDER)): Asset(file.read_bytes(), TYPES[file.suffix])
        for file in sorted(FOLDER.rglob("*"))
        if file.suffix in TYPES
    }


@cache
def digest() -> str:
    """Name the content of all of them: scripts import each other by relative addresses."""
    told = hashlib.sha256()
    for path, asset in assets().items():
        told.update(f"{path}\0{len(asset.content)}\0".encode())
        told.update(asset.content)
    return told.hexdigest()[:16]


def asset_url(path: str) -> str:
    """Where the file is to be had. Raise KeyError for one that is not there."""
    assets()[path]
    return f"/static/{digest()}/{path}"


def serve(version: str, path: str) -> Response:
    """Answer with a file. One of another version, asked for by an old tab, is not to be kept."""
    asset = assets().get(path)
    if asset is None:
        abort(404)
    headers = {"Cache-Control": FOR_EVER} if version == digest() else {}
    return Response(asset.content, headers=headers, content_type=asset.media_type)
