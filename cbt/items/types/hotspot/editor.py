"""识图, as an author meets it."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.types.editor import Authoring, SentItem, SheetRow
from cbt.rules.items.hotspot import MOST_MARKS
from cbt.spreadsheets.findings import Finding, Severity

_NUMBER = re.compile(r"-?[0-9]{1,6}")
NEAREST = 25
"""A spot nearer to another than one part in so many of the picture's width cannot be told from it."""


class HotspotAuthoring(Authoring):
    """In files, written in the text form only; with enough spots the right ones cannot be guessed."""

    codes: ClassVar = ("识图",)
    words: ClassVar = r"识图"
    letter: ClassVar = "H"

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Refuse: a cell holds no picture."""
        return [row.error("picture_in_sheet", "type")]

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield too few spots to choose from, and spots that lie on each other."""
        spots, right = [spot["at"] for spot in data["spots"]], len(data["answer"])
        if len(spots) < max(4, 2 * right):
            yield draft.find(Severity.HINT, "spots_few", f"{prefix}spots", count=len(spots), right=right)
        near = data["size"][0] / NEAREST
        for place, (x, y) in enumerate(spots):
            if any(abs(x - u) < near and abs(y - v) < near for u, v in spots[:place]):
                yield draft.find(Severity.HINT, "spots_near", f"{prefix}spots", number=place + 1)

    def blank(self) -> dict[str, Any]:
        return {"picture": "", "size": [], "alt": "", "regions": [], "answer": [], "spots": [], "marks": 1}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """The picture, its regions with the right ones marked, and the points that are offered."""
        rows = list(zip(sent.texts("region_shape"), sent.texts("region_numbers"), strict=False))
        filled = [place for place, (_shape, numbers) in enumerate(rows) if numbers.strip()]
        marked = set(sent.marked("answer"))
        return {
            "picture": sent.text("picture"),
            "size": numbers_in(sent.text("size")),
            "alt": sent.text("alt"),
            "regions": [region_of(*rows[place]) for place in filled],
            "answer": [n for n, place in enumerate(filled, 1) if place in marked],
            "spots": [
                {"at": [*numbers_in(x)[:1], *numbers_in(y)[:1]], "name": name.strip()}
                for x, y, name in zip(
                    sent.texts("spot_x"), sent.texts("spot_y"), sent.texts("spot_name"), strict=False
                )
                if x.strip() or y.strip() or name.strip()
            ],
            "marks": sent.number("marks"),
        }

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The picture with the points that are whole; nothing of the regions is shown to anybody."""
        size = data.get("size")
        if not (isinstance(size, list) and len(size) == 2 and data.get("picture")):
            return {}
        width, height = size
        spots = {
            tuple(spot["at"]): str(spot["name"] or "…")
            for spot in data.get("spots", ())
            if len(spot["at"]) == 2 and 0 <= spot["at"][0] <= width and 0 <= spot["at"][1] <= height
        }
        for number, at in enumerate(((0, 0), (width, 0), (0, height))):
            if len(spots) < 3:
                spots.setdefault(at, "…" * (number + 2))
        names = Counter(spots.values())
        marks = data.get("marks")
        return {
            "picture": data["picture"],
            "size": size,
            "alt": data.get("alt") or "…",
            "regions": [{"rect": [0, 0, width, height]}],
            "answer": [1],
            "spots": [
                {"at": list(at), "name": name if names[name] == 1 else f"{name}（{n}）"}
                for n, (at, name) in enumerate(list(spots.items())[:26], 1)
            ],
            "marks": marks if type(marks) is int and 1 <= marks <= MOST_MARKS else 1,
        }

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> list[list[int]]:
        """One mark in the upper left corner."""
        return [[rng.randint(1, 9), rng.randint(1, 9)]]


def numbers_in(text: str) -> list[int]:
    return [int(found) for found in _NUMBER.findall(text)]


def region_of(shape: str, numbers: str) -> dict[str, Any]:
    coordinates = numbers_in(numbers)
    if shape == "polygon":
        return {"polygon": [list(pair) for pair in zip(coordinates[::2], coordinates[1::2], strict=False)]}
    return {"circle" if shape == "circle" else "rect": coordinates}


def numbers_of(region: Mapping[str, Any]) -> tuple[str, str]:
    shape, coordinates = next(iter(region.items()), ("rect", []))
    flat = [f"{x},{y}" for x, y in coordinates] if shape == "polygon" else [str(one) for one in coordinates]
    return shape, (" " if shape == "polygon" else ", ").join(flat)


AUTHORING = HotspotAuthoring()
