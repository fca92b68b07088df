"""排序, as an author meets it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.types.editor import Authoring, SentItem, padded
from cbt.spreadsheets.findings import Finding, Severity

USUAL_STEPS = range(4, 7)


class OrderingAuthoring(Authoring):
    """The steps as written are the key."""

    key_field: ClassVar = "steps"

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        if len(data["steps"]) not in USUAL_STEPS:
            yield draft.find(Severity.HINT, "steps_count", f"{prefix}steps", count=len(data["steps"]))

    def says(self, data: Mapping[str, Any]) -> list[str]:
        return [str(step) for step in data["steps"]]

    def blank(self) -> dict[str, Any]:
        return {"steps": [""] * 4}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        return {"steps": [text.strip() for text in sent.texts("steps") if text.strip()]}

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"steps": padded(data.get("steps"), 2)}

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> list[int]:
        """The steps in some order."""
        return rng.sample(range(1, len(item["steps"]) + 1), len(item["steps"]))


AUTHORING = OrderingAuthoring()
