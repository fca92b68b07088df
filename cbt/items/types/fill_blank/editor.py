"""填空, as an author meets it and in a workbook."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from cbt.items.exam_prose import EMPTY_BLANK, blank_marks
from cbt.items.types.editor import (
    BLANK,
    WORDS,
    Authoring,
    Fields,
    SentItem,
    SheetMapping,
    SheetRow,
    padded,
    without_marks,
)
from cbt.spreadsheets.findings import Finding

_ANY_BLANK = re.compile(r"\{\{\d{1,9}\}\}")
_BETWEEN = tuple(map(re.compile, (r"\$?[;；]\$?", r"\n", r"[|｜]", r"[,，]", r"[$#&]+", "、", r"/", r"\s+")))
"""What may stand between the keys of several blanks, the surest first."""
_COUNTED = re.compile(r"^\s*(?:[（(]\d{1,2}[)）]|[①-⑳]|\d{1,2}[.．、](?!\d))\s*")


class FillBlankAuthoring(Authoring):
    """Empty brackets of a sheet become numbered blanks."""

    codes: ClassVar = ("T", "填空")
    shorts: ClassVar = ("填", "TIANKONG")
    words: ClassVar = r"填空|填充|fill|blank|completion|cloze"
    letter: ClassVar = "F"
    blanks_in_stem: ClassVar = True
    stem_decides: ClassVar = True

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        data["stem"], count = blank_marks(data["stem"], EMPTY_BLANK)
        data["answer"] = blanks_of(row.text("answer"), count)
        return [row.error("answer_blanks", "answer", count=count)] if not data["answer"] else []

    def blank(self) -> dict[str, Any]:
        return {"answer": [[""]], "word_bank": []}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """A row of spellings for each blank, with a bar between them; the words to choose from, one a line."""
        rows = [spellings_of(row) for row in sent.texts("answer")]
        while rows and not rows[-1]:
            rows.pop()
        return {"answer": rows, "word_bank": sent.lines("word_bank")}

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        stem, count = numbered(str(data.get("stem", "")))
        return {"stem": stem, "answer": [["…"]] * count, "word_bank": padded(data.get("word_bank"), 0)}

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> list[str]:
        """A word in each blank."""
        return [rng.choice(WORDS) for _ in range(item["blanks"])]


def blanks_of(cell: str, count: int) -> list[list[str]] | None:
    """Return the spellings of each blank (`24|二十四；首问负责制`), or None when they are not `count`.

    Where there are several blanks, whatever separates as many parts does; one that is alone has its stops in it.
    """
    for between in _BETWEEN:
        parts = [_COUNTED.sub("", part).strip() for part in between.split(cell) if part.strip()]
        if len(parts) != count or not all(parts):
            if between is _BETWEEN[0] and (count < 2 or len(parts) > 1):
                return None
            continue
        return [spellings_of(part) for part in parts]
    return None


def spellings_of(text: str) -> list[str]:
    """Return what may be written in one blank: `24|二十四`."""
    return [one.strip() for one in re.split(r"[|｜]", text) if one.strip()]


def numbered(stem: str) -> tuple[str, int]:
    """Return a stem with its blanks numbered from 1 as they stand, with one at its end if it has none; how many."""
    pieces = _ANY_BLANK.split(stem)
    if len(pieces) == 1:
        return f"{stem}{{{{1}}}}", 1
    marked = [piece for n, text in enumerate(pieces, 1) for piece in (text, f"{{{{{n}}}}}")]
    return "".join(marked[:-1]), len(pieces) - 1


AUTHORING = FillBlankAuthoring()


def _answer(data: Fields) -> str:
    return "；".join("|".join(spellings) for spellings in data["answer"])


def _stem(data: Fields) -> str:
    return without_marks(data, len(data["answer"]))


def _back(data: Fields, stem: str, answer: str) -> Fields | None:
    places = [str(data["stem"]).find(f"{{{{{n}}}}}") for n in range(1, len(data["answer"]) + 1)]
    if places != sorted(places) or stem.count(BLANK) != len(places):
        return None
    return {"answer": blanks_of(answer, len(places))}


MAPPING = SheetMapping("T", "填空题", frozenset({"answer"}), _answer, _stem, _back)
