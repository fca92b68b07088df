"""The one door to paper: the name of a document and its data in, a PDF out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import msgspec
import segno

from cbt.confined.runner import MEGABYTE, PRINTING, Exhausted, Limits, run
from cbt.errors import Conflict, Unavailable
from cbt.printing.order import PrintOrder

PDF = "application/pdf"
LIMITS = Limits(memory=1536 * MEGABYTE, cpu=120, wall=150, answer=128 * MEGABYTE)
"""For a room of 400 with photos; a usual one of 30 needs a second and a tenth of this memory."""
_TASK = "cbt.printing.typesetter:set_pages"


def pdf(
    document: str,
    data: Mapping[str, Any],
    *,
    language: str,
    photos: Mapping[str, bytes] | None = None,
    drawings: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a document of `documents/` as A4 pages: equal data, equal bytes.

    `data` is plain (texts, numbers, lists, mappings) and may hold whatever people wrote; its `title` becomes
    that of the file. `photos` (JPEG, PNG) and `drawings` (SVG) have the names by which the data calls them. Raise
    Conflict("print.too_much") beyond the limits, Unavailable("print.busy") while too many others print,
    ("print.failed") when nothing came of it.
    """
    order = PrintOrder(
        document,
        msgspec.json.encode({**data, "language": language}),
        dict(photos or {}),
        dict(drawings or {}),
    )
    try:
        return run(_TASK, msgspec.msgpack.encode(order), limits=LIMITS, places=PRINTING)
    except Exhausted as error:
        raise Conflict("print.too_much") from error
    except Unavailable as error:
        raise Unavailable(
            "print.busy" if error.code == "file.busy" else "print.failed", **error.params
        ) from error


def qr_drawing(text: str) -> bytes:
    """Return a QR of a text as SVG, without an edge of its own: the page leaves it one."""
    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(buffer, kind="svg", border=0, xmldecl=False, svgns=True)
    return buffer.getvalue()
