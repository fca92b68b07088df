"""简答, as an author meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.authoring import Authoring, SheetRow
from cbt.sheets.findings import Finding, Severity


class ShortAnswerAuthoring(Authoring):
    """The answer is a reference text for whoever marks."""

    codes: ClassVar = ("D", "简答")
    letter: ClassVar = "A"

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read the reference text."""
        data["answer"] = row.text("answer")
        return []

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield a lack of anything to mark by."""
        if not str(data.get("answer", "")).strip():
            yield draft.find(Severity.HINT, "no_reference", f"{prefix}answer")
