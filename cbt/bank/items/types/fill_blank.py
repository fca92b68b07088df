"""填空, as an author meets it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from cbt.bank.formats.cells import blank_marks
from cbt.bank.items.types.authoring import Authoring, SheetRow
from cbt.bank.lint.words import EMPTY_BLANK
from cbt.sheets.findings import Finding


class FillBlankAuthoring(Authoring):
    """Empty brackets of a sheet become numbered blanks."""

    codes: ClassVar = ("T", "填空")
    letter: ClassVar = "F"
    stem_decides: ClassVar = True

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read the spellings of each blank."""
        data["stem"], count = blank_marks(data["stem"], EMPTY_BLANK)
        data["answer"] = blanks_of(row.text("answer"), count)
        return [row.error("answer_blanks", "answer", count=count)] if not data["answer"] else []


def blanks_of(cell: str, count: int) -> list[list[str]] | None:
    """Return the spellings of each blank (`24|二十四；首问负责制`), or None when they are not `count`."""
    parts = [part for part in re.split(r"[;；]", cell) if part.strip()]
    if len(parts) != count:
        return None
    return [[text.strip() for text in re.split(r"[|｜]", part) if text.strip()] for part in parts]
