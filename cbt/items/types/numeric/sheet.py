"""计算 in a workbook: empty brackets, and the number."""

from __future__ import annotations

from cbt.items.types.cells import BLANK, Fields, SheetMapping, without_marks
from cbt.items.types.numeric.authoring import number_key
from cbt.rules.items.inputs import number


def _stem(data: Fields) -> str:
    return without_marks(data, 1)


def _back(data: Fields, stem: str, answer: str) -> Fields | None:
    if stem.count(BLANK) != 1 or number(data["answer"]) is None:
        return None
    return number_key(answer) or {"answer": ""}


MAPPING = SheetMapping("U", "计算题", frozenset({"answer", "tolerance", "decimals"}), stem=_stem, back=_back)
