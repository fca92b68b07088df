"""判断, as an author meets it and in a workbook."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import is_emphasised, normal, plain
from cbt.items.media import without_last
from cbt.items.types.editor import Authoring, PutRight, SentItem, SheetMapping, SheetRow, outside
from cbt.rules.items.content import LETTERS
from cbt.spreadsheets.findings import Finding, Place, Severity

SHORTEST_STATEMENT = 8
TRUE_SHARE = (Fraction(45, 100), Fraction(55, 100))
_TRUE = {
    *("√", "✓", "✔", "☑", "✅", "V", "对", "正确", "是", "正", "真"),
    *("T", "TRUE", "A", "1", "Y", "YES", "RIGHT", "CORRECT"),
}
_FALSE = {
    *("×", "✗", "✘", "✖", "✕", "❌", "☒", "╳", "ㄨ", "乂", "X", "Χ", "Х"),
    *("错", "错误", "否", "不是", "不正确", "不对", "误", "假", "非"),
    *("F", "FALSE", "B", "0", "N", "NO", "WRONG", "INCORRECT"),
}
_PREDICATE = re.compile(
    r"[是为有应须需要可能会把被由让使将在以对与和按从于比像属含分做作看用给写说定出到得，、；]"
)


class TrueFalseAuthoring(Authoring):
    """A statement ends with 。, has a predicate, and negates nothing in bold."""

    codes: ClassVar = ("C", "判断")
    shorts: ClassVar = ("判", "TF", "PANDUAN")
    words: ClassVar = r"判断|是非|对错|正误|辨析|judg|true.?false|truefalse|boolean|\btf\b"
    letter: ClassVar = "T"

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        truth = truth_of(row.text("answer"))
        data["answer"] = truth
        return [row.error("answer_truth", "answer")] if truth is None else []

    def tidy(self, put_right: PutRight) -> None:
        put_right("full_stop", "stem", _full_stop)

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield what makes no statement, and negations in bold."""
        stem = str(data["stem"])
        plain_stem = normal(stem)
        asks = stem.endswith(("？。", "?。"))
        if asks or len(plain_stem) < SHORTEST_STATEMENT or not _PREDICATE.search(stem):
            yield draft.find(Severity.HINT, "no_statement", f"{prefix}stem", stem)
        if is_emphasised(stem):
            yield draft.find(Severity.HINT, "negative_statement", f"{prefix}stem", stem)

    def shares(self, items: Sequence[Mapping[str, Any]], where: Place) -> Iterator[Finding]:
        right = Fraction(sum(data["answer"] for data in items), len(items))
        yield from outside(right, TRUE_SHARE, "true_share", where)

    def blank(self) -> dict[str, Any]:
        return {"answer": None}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        return {"answer": {"true": True, "false": False}.get(sent.text("answer"))}

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"answer": True}

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> str:
        """One letter."""
        return LETTERS[rng.randrange(len(item["choices"]))]


def truth_of(cell: str) -> bool | None:
    text = plain(cell).removesuffix("的")
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def _full_stop(stem: str) -> str:
    """A 判断 ends with 。 and has no brackets for the answer; pictures behind it stay there."""
    stem, media = without_last(stem)
    if not stem.strip():
        return stem + media
    bare = re.sub(r"[(（][\s　]*[)）]\s*。?$", "", stem).rstrip(" 　.．。")
    kept = stem.endswith(("”。", "）。")) and stem[:-1].rstrip("。") == bare
    return (stem if kept else f"{bare}。") + media


AUTHORING = TrueFalseAuthoring()


MAPPING = SheetMapping("C", "判断题", frozenset({"answer"}), lambda data: "√" if data["answer"] else "×")
