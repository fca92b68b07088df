"""Files that go out: to save, under a name that any browser and any header can hold; a picture as a picture."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

import flask

LONGEST_NAME = 120
PICTURES = frozenset({"image/jpeg", "image/png"})
"""What is kept today is JPEG; what was kept before is JPEG or PNG."""
SOUNDS = frozenset({"audio/mpeg", "audio/ogg", "audio/wav"})

_NOT_A_NAME = re.compile(r'[\\/:*?"<>|;%]')


def attachment(body: bytes, mimetype: str, name: str) -> flask.Response:
    """Return `body` to be saved as `name`.

    A name may come from a person's own file, so what could end a header, a quotation or a folder is left out.
    A header holds Latin letters only: the name goes beside it in UTF-8 (RFC 6266).
    """
    response = flask.Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = disposition(name)
    return response


def picture(mimetype: str, image: bytes) -> flask.Response:
    """Return a stored picture as an answer that no browser takes for a page (`nosniff` is on every answer)."""
    return flask.Response(image, mimetype=mimetype if mimetype in PICTURES else "application/octet-stream")


def unchanging(mimetype: str, body: bytes) -> flask.Response:
    """Return what is stored under the name of its content: kept for good by the browser of whoever got it.

    A player asks for a piece of a sound (Range), and gets it.
    """
    response = flask.Response(
        body, mimetype=mimetype if mimetype in PICTURES | SOUNDS else "application/octet-stream"
    )
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    if mimetype in SOUNDS:
        response.make_conditional(flask.request, accept_ranges=True, complete_length=len(body))
    return response


def disposition(name: str) -> str:
    seen = "".join(sign for sign in name if unicodedata.category(sign)[0] != "C")
    whole = _NOT_A_NAME.sub("_", seen).strip(". ")[-LONGEST_NAME:] or "file"
    plain = whole.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"
