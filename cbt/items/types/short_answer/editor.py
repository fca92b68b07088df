"""简答, as an author meets it and in a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.types.editor import Authoring, SentItem, SheetMapping, SheetRow
from cbt.rules.items.inputs import number
from cbt.rules.items.short_answer import LONGEST, SHORTEST, USUAL
from cbt.spreadsheets.findings import Finding, Severity


class ShortAnswerAuthoring(Authoring):
    """The answer is a reference text for whoever marks."""

    codes: ClassVar = ("D", "简答")
    shorts: ClassVar = ("简", "W", "JIANDA")
    words: ClassVar = r"简答|问答|名词解释|主观|论述|简述|论答|名词|essay|short.?answer|subjective"
    letter: ClassVar = "A"

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        data["answer"] = row.text("answer")
        return []

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield a lack of anything to mark by."""
        if not str(data.get("answer", "")).strip():
            yield draft.find(Severity.HINT, "no_reference", f"{prefix}answer")
        elif not data.get("rubric"):
            yield draft.find(Severity.HINT, "no_rubric", f"{prefix}rubric")
        rubric = data.get("rubric", ())
        worth, total = (
            number(data.get("points")),
            sum((number(line["points"]) or Decimal(0) for line in rubric), Decimal(0)),
        )
        if rubric and worth is not None and total != worth:
            yield draft.find(
                Severity.HINT, "rubric_sum", f"{prefix}rubric", f"{total:f}", points=f"{worth:f}"
            )

    def blank(self) -> dict[str, Any]:
        return {"answer": "", "limit": USUAL, "rubric": [{"points": "", "text": ""}] * 3}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """The reference text, its limit, and what earns how many points."""
        lines = zip(sent.texts("rubric_points"), sent.texts("rubric"), strict=False)
        rubric = [{"points": worth.strip(), "text": " ".join(text.split())} for worth, text in lines]
        return {
            "answer": sent.text("answer"),
            "limit": sent.number("limit"),
            "rubric": [line for line in rubric if line["points"] or line["text"]],
        }

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        limit = data.get("limit")
        return {
            "answer": "",
            "rubric": [],
            "limit": limit if type(limit) is int and SHORTEST <= limit <= LONGEST else USUAL,
        }


AUTHORING = ShortAnswerAuthoring()


MAPPING = SheetMapping("D", "简答题", frozenset({"answer"}))
