"""What the door hands the child."""

from __future__ import annotations

import msgspec


class PrintOrder(msgspec.Struct, frozen=True, array_like=True):
    """What is to be set: the name of a document, its data as JSON, photos and drawings (SVG) by file name."""

    document: str
    data: bytes
    photos: dict[str, bytes]
    drawings: dict[str, bytes]
