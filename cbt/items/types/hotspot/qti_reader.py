"""识图 in QTI: a picture with places to be marked."""

from __future__ import annotations

import re
from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.archive import beside
from cbt.interchange.qti.interactions import TOOL, Asking, QtiReading
from cbt.interchange.raw_items import LeftOut

MOST_MARKS = 12
SPOT = "spot-"
_NUMBER = re.compile(r"-?\d{1,5}(?:\.\d{1,6})?")


def _read(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    """Return a 识图 with a spot in the middle of each place; the picture itself goes beside the item."""
    node = nodes[0]
    if asking.pictures is None:
        raise LeftOut("open_type", text.local(node), name=asking.title)
    name, size, alt = _picture(asking, node)
    stem = asking.stem(block, node)
    places = list(text.descendants(node, "hotspotChoice"))
    regions = [_region(asking, one) for one in places]
    names = [one.get("identifier") or "" for one in places]
    right = asking.key(node).right()
    if not right or not set(right) <= set(names):
        raise LeftOut("open_no_key" if not right else "open_key_unknown", asking.title)
    most = node.get("maxChoices") or "1"
    marks = int(most) if most.isdigit() and len(most) < 3 and int(most) else min(len(places), MOST_MARKS)
    asking.pictures[name] = asking.around.package.read(name) if asking.around.package is not None else b""
    return {
        "type": "hotspot",
        "stem": stem,
        "picture": name,
        "size": size,
        "alt": alt or stem[:60],
        "regions": [
            region
            for (region, _middle), name in zip(regions, names, strict=True)
            if not _is_spot(asking, name)
        ],
        "spots": [
            {"at": middle, "name": one.get("hotspotLabel") or one.get("label") or letter}
            for (_region, middle), one, letter in zip(regions, places, raw_items.LETTERS, strict=False)
        ],
        "answer": sorted(names.index(one) + 1 for one in right),
        "marks": max(marks, len(right)),
    }


def _is_spot(asking: Asking, name: str) -> bool:
    """Say whether a place is only offered: our own packages call those so, and no other system does."""
    return asking.root.get("toolName") == TOOL and name.startswith(SPOT)


def _picture(asking: Asking, node: Any) -> tuple[str, list[int], str]:
    held = next(text.descendants(node, "object", "img"), None)
    href = (held.get("data") or held.get("src") or "") if held is not None else ""
    name = beside(asking.around.name, href)
    if held is None or asking.around.package is None:
        raise LeftOut("open_missing", href)
    if name not in asking.around.package:
        raise asking.around.lacking(href, held)
    size = [_whole(held.get(side) or "") for side in ("width", "height")]
    if None in size:
        raise LeftOut("open_type", "hotspotInteraction", name=asking.title)
    return name, [side for side in size if side is not None], held.get("alt") or text.words(held)


def _region(asking: Asking, node: Any) -> tuple[dict[str, Any], list[int]]:
    """Return a place as our authors write it, and its middle."""
    shape = node.get("shape") or ""
    values = [_whole(text) for text in re.split(r"[\s,]+", (node.get("coords") or "").strip())]
    numbers = [value for value in values if value is not None]
    if len(numbers) == len(values):
        if shape == "rect" and len(numbers) == 4:
            x, y, right, below = numbers
            return {"rect": [x, y, right - x, below - y]}, [(x + right) // 2, (y + below) // 2]
        if shape == "circle" and len(numbers) == 3:
            return {"circle": numbers}, numbers[:2]
        if shape == "poly" and len(numbers) >= 6 and len(numbers) % 2 == 0:
            corners = [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
            corners = corners[:-1] if corners[0] == corners[-1] else corners
            middle = [sum(corner[axis] for corner in corners) // len(corners) for axis in (0, 1)]
            return {"polygon": corners}, middle
    raise LeftOut("open_type", f"hotspotChoice {shape}", name=asking.title)


def _whole(text: str) -> int | None:
    plain = text.strip().removesuffix("px")
    return round(float(plain)) if _NUMBER.fullmatch(plain) else None


MAPPING = QtiReading({"hotspotInteraction": _read})
