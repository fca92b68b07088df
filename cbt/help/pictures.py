"""The pictures of the handbooks: files among the static ones, whose size a page says before they are there."""

from __future__ import annotations

import struct
from functools import cache

from cbt.paths import product_dir

_HEAD = struct.Struct(">8s4x4sII")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@cache
def size_of(name: str) -> tuple[int, int]:
    """Return width and height in pixels of a static PNG; raise ValueError for anything else."""
    with (product_dir("static") / name).open("rb") as file:
        signature, chunk, width, height = _HEAD.unpack(file.read(_HEAD.size))
    if (signature, chunk) != (_SIGNATURE, b"IHDR"):
        raise ValueError(f"{name} is no PNG")
    return width, height
