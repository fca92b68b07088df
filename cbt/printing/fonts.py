"""Which characters the fonts that travel with the product can print."""

from __future__ import annotations

import struct
import unicodedata
from functools import cache
from pathlib import Path

FONTS = Path(__file__).resolve().parent / "fonts"
_REGULAR = FONTS / "NotoSansSC_400Regular.ttf"
_MANY_GROUPS = 12
"""The format of a table of characters (cmap) that reaches beyond the first 65,536."""


def lacking(text: str) -> str:
    """Return the characters of a text that the fonts lack, each once, in the order they come.

    Paper shows a box in their place, so whoever prints is told before.
    """
    known = _characters()
    return "".join(
        sign
        for sign in dict.fromkeys(text)
        if ord(sign) not in known and unicodedata.category(sign)[0] not in "CZ"
    )


@cache
def _characters() -> frozenset[int]:
    content = _REGULAR.read_bytes()
    tables = struct.unpack_from(">H", content, 4)[0]
    entries = (struct.unpack_from(">4sLLL", content, 12 + 16 * place) for place in range(tables))
    cmap = next(offset for tag, _, offset, _ in entries if tag == b"cmap")
    found: set[int] = set()
    for place in range(struct.unpack_from(">H", content, cmap + 2)[0]):
        start = cmap + struct.unpack_from(">HHL", content, cmap + 4 + 8 * place)[2]
        if struct.unpack_from(">H", content, start)[0] == _MANY_GROUPS:
            groups = struct.unpack_from(">L", content, start + 12)[0]
            for first, last, _ in struct.iter_unpack(">LLL", content[start + 16 : start + 16 + 12 * groups]):
                found.update(range(first, last + 1))
    return frozenset(found)
