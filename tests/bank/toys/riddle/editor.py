"""谜语, as an author meets it and in a workbook."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.types.editor import Authoring, SentItem, SheetMapping, SheetRow
from cbt.spreadsheets.findings import Finding, Severity


class RiddleAuthoring(Authoring):
    """A word without a mark of its own."""

    codes: ClassVar = ("R", "谜语")
    words: ClassVar = r"谜语"
    letter: ClassVar = "R"
    guesses: ClassVar = ("雨", "雪")

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read the word."""
        data["answer"] = row.text("answer")
        return []

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield a word that stands in the riddle."""
        if data["answer"] in data["stem"]:
            yield draft.find(Severity.HINT, "no_reference", f"{prefix}answer")

    def says(self, data: Mapping[str, Any]) -> list[str]:
        """The word."""
        return [data["answer"]]

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """The word."""
        return {"answer": sent.text("answer")}

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> str:
        """A guess."""
        return rng.choice(self.guesses)


AUTHORING = RiddleAuthoring()
MAPPING = SheetMapping("R", "谜语题", frozenset({"answer"}))
