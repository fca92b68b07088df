"""The child's side of a print: set one document from its data, with the product's own fonts and nothing else.

Only `cbt.confined` runs this, in a process of its own. Names, units and notes come from people: they reach the
typesetter as data (`data.json`), never as part of its source: `#import` in a name is a sign and six letters.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import msgspec
import typst
from PIL import Image, JpegImagePlugin, PngImagePlugin

from cbt.printing.order import PrintOrder

PHOTO_PIXELS = 480
"""The longer side of a photo on paper: 35 mm at 340 dots an inch."""
_FOLDER = Path(__file__).resolve().parent
_SOURCES = {path.name: path.read_bytes() for path in sorted((_FOLDER / "documents").glob("*.typ"))}
_WARMING = '#set text(font: "Noto Sans SC", fallback: false)\n字1 *字1* $1$'
_QUALITY = 85
_DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}">'
    '<image width="{0}" height="{1}" href="data:image/jpeg;base64,{2}"/></svg>'
)
"""A photo as the typesetter takes it: files that lie in memory are texts to it."""

# One thread, and no room of addresses taken for more: whoever saves an answer goes first.
os.environ["RAYON_NUM_THREADS"] = "1"

# Made ready before the process is closed in: fonts are read when the first letter of them is set.
Image.preinit()
assert all(part is not None for part in (JpegImagePlugin, PngImagePlugin))
_make: Any = typst.Compiler  # its types know nothing of files that lie in memory
_compiler = _make(
    {"main.typ": _WARMING.encode()}, font_paths=[str(_FOLDER / "fonts")], ignore_system_fonts=True
)
_compiler.compile(format="pdf")


def set_pages(body: bytes) -> bytes:
    """Return the PDF of a `PrintOrder` (msgpack). A photo that cannot be read is left out, its place stays."""
    order = msgspec.msgpack.decode(body, type=PrintOrder)
    photos = {name: shrunk for name, image in order.photos.items() if (shrunk := _small(image))}
    files = {
        **_SOURCES,
        **{f"{name}.svg": drawn for name, drawn in photos.items()},
        **order.drawings,
        "main.typ": _SOURCES[f"{order.document}.typ"],
        "data.json": order.data,
        "photos.json": msgspec.json.encode(sorted(photos)),
    }
    made: bytes = _compiler.compile(input=files, format="pdf", timestamp=0)
    return made


def _small(image: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "PNG")) as picture:
            picture.draft("RGB", (2 * PHOTO_PIXELS, 2 * PHOTO_PIXELS))
            plain = picture.convert("RGB")
    except MemoryError:
        raise
    except Exception:  # a damaged file raises many kinds; the others are printed all the same
        return b""
    plain.thumbnail((PHOTO_PIXELS, PHOTO_PIXELS), Image.Resampling.LANCZOS)
    plain.info.clear()
    buffer = io.BytesIO()
    plain.save(buffer, "JPEG", quality=_QUALITY)
    return _DRAWN.format(*plain.size, base64.b64encode(buffer.getvalue()).decode()).encode()
