"""识图, as an author meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.authoring import Authoring, SheetRow
from cbt.sheets.findings import Finding, Severity

NEAREST = 25
"""A spot nearer to another than one part in so many of the picture's width cannot be told from it."""


class HotspotAuthoring(Authoring):
    """Written in the text form only, beside its picture; with enough spots the right ones cannot be guessed."""

    codes: ClassVar = ("识图",)
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
