"""The one door to paper: a document's name and data in, a PDF out; which signs can be printed; PDFs made anew."""

from __future__ import annotations

import io
import struct
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import segno

from cbt.confined.runner import MEGABYTE, PRINTING, Exhausted, Limits, run
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.printing.order import PrintOrder

FONTS = Path(__file__).resolve().parent / "fonts"
_REGULAR = FONTS / "NotoSansSC_400Regular.ttf"
_MANY_GROUPS = 12
"""The format of a table of characters (cmap) that reaches beyond the first 65,536."""


def lacking(text: str) -> str:
    """Return the characters of a text that the fonts lack, each once, in the order they come.

    Paper shows a box in their place, so whoever prints is told before.
    """
    characters = _characters()
    return "".join(
        sign
        for sign in dict.fromkeys(text)
        if ord(sign) not in characters and unicodedata.category(sign)[0] not in "CZ"
    )


@cache
def _characters() -> frozenset[int]:
    content = _REGULAR.read_bytes()
    tables = struct.unpack_from(">H", content, 4)[0]
    entries = (struct.unpack_from(">4sLLL", content, 12 + 16 * place) for place in range(tables))
    cmap = next(offset for tag, _, offset, _ in entries if tag == b"cmap")
    characters: set[int] = set()
    for place in range(struct.unpack_from(">H", content, cmap + 2)[0]):
        start = cmap + struct.unpack_from(">HHL", content, cmap + 4 + 8 * place)[2]
        if struct.unpack_from(">H", content, start)[0] == _MANY_GROUPS:
            groups = struct.unpack_from(">L", content, start + 12)[0]
            for first, last, _ in struct.iter_unpack(">LLL", content[start + 16 : start + 16 + 12 * groups]):
                characters.update(range(first, last + 1))
    return frozenset(characters)


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


def qr_drawing(text: str, *, error: str = "m") -> bytes:
    """Return a QR of a text as SVG, without an edge of its own: the page leaves it one.

    `error` says how much of it may be lost: `m` 15 %, `q` 25 %.
    """
    buffer = io.BytesIO()
    segno.make(text, error=error, micro=False).save(buffer, kind="svg", border=0, xmldecl=False, svgns=True)
    return buffer.getvalue()


MOST_BYTES = 5 * MEGABYTE
MOST_PAGES = 10
INTAKE_LIMITS = Limits(memory=1536 * MEGABYTE, cpu=25, wall=45, answer=8 * MEGABYTE)
_INTAKE_TASK = "cbt.printing.pdf_redraw:reset_pages"


def reset(body: bytes) -> tuple[bytes, int]:
    """Return a PDF as one of our own, and how many pages it has: no script, form or attachment comes along.

    Raise InvalidInput("scan.kind"|"scan.too_big"|"scan.pages"|"scan.locked"|"scan.damaged"), and as `confined.run`
    does.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInput("scan.too_big", field="file", maximum=MOST_BYTES // MEGABYTE)
    try:
        answer_body = run(_INTAKE_TASK, body, limits=INTAKE_LIMITS, pages=MOST_PAGES)
    except InvalidInput as error:
        raise InvalidInput(error.code, **{**error.params, "field": "file"}) from error
    except Exhausted as error:
        raise InvalidInput("scan.damaged", field="file") from error
    return answer_body[1:], answer_body[0]
