"""What becomes of a case's parts when its form is drawn anew."""

from __future__ import annotations

import re
from typing import Any

from cbt.bank.editing.form import MOST_PARTS, blank_part
from cbt.bank.items.types.registry import AUTHORING
from cbt.rules.items.values import ItemType

_PART = re.compile(r"part\.(up|down|remove)\.(\d{1,2})")


def changed_parts(data: dict[str, Any], asked: str, kind: str) -> tuple[dict[str, Any], int]:
    """Return a case with a part added, moved or taken out, and the number of the part to go to."""
    parts = list(data.get("parts", ()))
    room = len(parts) < MOST_PARTS
    if asked == "part.add" and room and kind in AUTHORING and kind != ItemType.CASE:
        parts.append(blank_part(kind, point=str(data.get("point", ""))))
        return {**data, "parts": parts}, len(parts)
    found = _PART.fullmatch(asked)
    place = int(found[2]) - 1 if found else -1
    if found is None or not 0 <= place < len(parts):
        return data, 0
    part = parts.pop(place)
    if found[1] != "remove":
        place = max(0, place - 1) if found[1] == "up" else min(len(parts), place + 1)
        parts.insert(place, part)
    return {**data, "parts": parts}, min(place + 1, len(parts))
