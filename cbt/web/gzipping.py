"""Bodies sent packed to browsers that unpack.

Not every page: what a stranger can have repeated beside a secret must not be packed with it (BREACH), so a view
says of itself that it may be.
"""

from __future__ import annotations

import zlib

import flask

GZIP = 31
"""What zlib calls the format of gzip."""
FASTEST = 1
"""A third of the bytes for a fifth of a millisecond: for what everybody asks for in the same second."""
GOOD = 6
"""For a page, which costs more to write than to pack."""


def unpacks(accept_encoding: str | None) -> bool:
    """Return whether a browser that accepts these encodings unpacks gzip."""
    return accept_encoding is not None and "gzip" in accept_encoding


def packed(body: bytes, *, effort: int = FASTEST) -> bytes:
    """Return a body as gzip."""
    return zlib.compress(body, effort, wbits=GZIP)


def packed_page(text: str) -> flask.Response:
    """Return a page, packed where the browser unpacks; for pages that repeat nothing a stranger chose."""
    body, headers = text.encode(), {"Vary": "Accept-Encoding"}
    if unpacks(flask.request.headers.get("Accept-Encoding")):
        body, headers["Content-Encoding"] = packed(body, effort=GOOD), "gzip"
    return flask.Response(body, headers=headers, mimetype="text/html")
