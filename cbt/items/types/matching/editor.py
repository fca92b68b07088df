"""匹配, as an author meets it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.types.editor import Authoring, SentItem, padded
from cbt.spreadsheets.findings import Finding, Severity


class MatchingAuthoring(Authoring):
    """The pairs are the key, and an option that belongs to nothing keeps the last pair from being given away."""

    key_field: ClassVar = "pairs"

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        if not data.get("extra_options"):
            yield draft.find(Severity.HINT, "no_extra_option", f"{prefix}extra_options")

    def asked(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [(str(left), str(right)) for left, right in data["pairs"]]

    def says(self, data: Mapping[str, Any]) -> list[str]:
        return [str(text) for pair in data["pairs"] for text in pair]

    def blank(self) -> dict[str, Any]:
        return {"pairs": [["", ""]] * 3, "extra_options": [""]}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        pairs = [
            [left.strip(), right.strip()]
            for left, right in zip(sent.texts("lefts"), sent.texts("rights"), strict=False)
        ]
        extras = [text.strip() for text in sent.texts("extra_options") if text.strip()]
        return {"pairs": [pair for pair in pairs if any(pair)], "extra_options": extras}

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Two pairs at least, and nothing twice."""
        pairs = [pair for pair in data.get("pairs", ()) if isinstance(pair, list) and len(pair) == 2]
        lefts = padded([pair[0] for pair in pairs], 2)
        rights = padded([pair[1] for pair in pairs], 1)
        extras = [text for text in padded(data.get("extra_options"), 0) if text not in rights]
        places = range(len(lefts))
        return {
            "pairs": [[lefts[n], rights[n % len(rights)]] for n in places],
            "extra_options": extras + rights[len(lefts) :],
        }

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> list[int]:
        """An option for each left."""
        return [rng.randint(1, len(item["options"])) for _ in item["lefts"]]


AUTHORING = MatchingAuthoring()
