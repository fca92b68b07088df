"""填空 in a workbook: empty brackets, and the spellings of each."""

from __future__ import annotations

from cbt.items.types.cells import BLANK, Fields, SheetMapping, without_marks
from cbt.items.types.fill_blank.authoring import blanks_of


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
