"""Send a stored picture: as the kind it was stored as, and as nothing else."""

from __future__ import annotations

import flask

SHOWN = frozenset({"image/jpeg", "image/png"})
"""What is kept today is JPEG; what was kept before is JPEG or PNG."""


def picture(mimetype: str, image: bytes) -> flask.Response:
    """Return a picture as an answer that no browser takes for a page (`nosniff` is on every answer)."""
    kind = mimetype if mimetype in SHOWN else "application/octet-stream"
    return flask.Response(image, mimetype=kind)
