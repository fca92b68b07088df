"""The pictures of a text bank: files beside the items that name them, taken into the item as our own JPEG.

So a version of an item holds its picture as it holds its words: what a form has frozen never shows another one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.errors import InvalidInput
from cbt.pictures.receiving import redraw, size_of
from cbt.rules.items.hotspot import KEPT
from cbt.sheets.findings import Finding, Severity

FIELD = "picture"
DATA = "data:image/jpeg;base64,"
"""How a picture begins that was taken in."""
UNLIKE = 0.01
"""By so much of itself may a picture's shape differ from the size its author wrote: whole pixels are rounded."""


def take_pictures(draft: ItemDraft, folder: Path, findings: list[Finding]) -> bool:
    """Put each picture an item names in the place of its name; return whether all of them could be read.

    A name is a file's in the folder of the item or below it.
    """
    found = list(_faults(draft, folder))
    findings += found
    return not found


def _faults(draft: ItemDraft, folder: Path) -> Iterator[Finding]:
    for prefix, data in draft.parts():
        name = data.get(FIELD)
        if isinstance(name, str) and name and not KEPT.fullmatch(name) and isinstance(data, dict):
            code = _take(data, folder.resolve(), name)
            if code:
                yield draft.find(Severity.ERROR, code, f"{prefix}{FIELD}", name)


def _take(data: dict[str, Any], folder: Path, name: str) -> str:
    """Replace the name by the picture; return the code of what is wrong with it, "" when nothing is."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        return "picture_missing"
    try:
        jpeg = redraw(path.read_bytes())
    except InvalidInput as error:
        return "picture_large" if error.code in {"photo.too_big", "photo.pixels"} else "picture_unreadable"
    if not _fits(data, *size_of(jpeg)):
        return "picture_size"
    data[FIELD] = f"{DATA}{base64.b64encode(jpeg).decode()}"
    return ""


def _fits(data: Mapping[str, Any], width: int, height: int) -> bool:
    """Return whether a picture has the shape its author says; a size that is none is found by the item's type."""
    size = data.get("size")
    if not (
        isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    ):
        return True
    return bool(abs(width * size[1] - height * size[0]) <= UNLIKE * width * size[1] + max(size))
