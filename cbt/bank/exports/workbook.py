"""A bank as a workbook: the long national form, and the common one that is changed by hand and comes in again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from cbt.bank.exports.proof import proven
from cbt.bank.formats.outgoing import Carried, Carries, Export, OutForm
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.cells import LETTERS, SheetMapping
from cbt.bank.items.types.folders import Mappings
from cbt.sheets.writing import XLSX, add_sheet, new_workbook, text_format, write_head, write_text

ROWS = 20_000
"""Items a sheet: as many as an import takes."""
LONGEST_CELL = 32_767
_COMMON = frozenset({"stem", "explanation", "point", "difficulty", "consistency"})
_SHEETS = Mappings("sheet", SheetMapping)
CARRIES: Carried = Carries(_SHEETS, _COMMON)
_HARD = ("易", "较易", "中等", "较难", "难")
Head = tuple[str, int, bool]
Row = Callable[[Export, int, ItemDraft], Sequence[str]]

LONG_HEAD: Sequence[Head] = (
    ("题库名称", 18, False),
    ("ID", 22, False),
    ("序号", 8, False),
    ("认定点代码", 14, True),
    ("题型代码", 14, True),
    ("题号", 8, False),
    ("试题（题干）", 60, True),
    *((f"试题（选项{letter}）", 24, False) for letter in LETTERS),
    ("【图】及位置", 14, False),
    ("正确答案", 14, True),
    ("难度代码", 12, False),
    ("一致性代码", 12, False),
    ("解析", 40, False),
)
COMMON_HEAD: Sequence[Head] = (
    ("系统编号", 18, False),
    ("题型", 10, True),
    ("鉴定点代码", 14, True),
    ("题干", 60, True),
    *((f"选项{letter}", 24, False) for letter in LETTERS),
    ("正确答案", 14, True),
    ("题目解析", 40, False),
    ("难度", 8, False),
    ("一致性", 8, False),
)


def _long_row(export: Export, place: int, draft: ItemDraft) -> Sequence[str]:
    data, number, mapping = draft.data, str(place), _SHEETS[draft.data["type"]]
    hard = data.get("difficulty", 3)
    return (
        export.name, draft.ref, number, str(data.get("point", "")), f"{mapping.code}（{mapping.name}）", number,
        mapping.stem(data),
        *_choices(data), "", mapping.answer(data), f"{hard}（{_HARD[hard - 1]}）", str(data.get("consistency", 5)),
        str(data.get("explanation", "")),
    )  # fmt: skip


def _common_row(_export: Export, _place: int, draft: ItemDraft) -> Sequence[str]:
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    return (
        draft.ref, mapping.name, str(data.get("point", "")), mapping.stem(data), *_choices(data),
        mapping.answer(data), str(data.get("explanation", "")), str(data.get("difficulty", 3)),
        str(data.get("consistency", 5)),
    )  # fmt: skip


def _choices(data: Mapping[str, Any]) -> list[str]:
    return [str(text) for text in (*data.get("choices", ()), *[""] * len(LETTERS))][: len(LETTERS)]


def _back(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    """Return what the cells of an item say by the rules of its type; "" of text: it has only cells."""
    data, mapping = draft.data, _SHEETS[draft.data["type"]]
    stem, answer = mapping.stem(data), mapping.answer(data)
    cells = [stem, answer, *map(str, data.get("choices", ()))]
    if any(len(text) > LONGEST_CELL or text != text.strip() for text in cells):
        return "", None
    otherwise = mapping.back(data, stem, answer)
    if otherwise is None:
        return "", None
    carried = CARRIES[data["type"]] | {"type"}
    return "", {**{name: value for name, value in data.items() if name in carried}, **otherwise}


def _write(export: Export, target: IO[bytes], head: Sequence[Head], row: Row) -> None:
    with new_workbook(target, long=True) as book:
        shape = text_format(book, {"text_wrap": True, "valign": "top"})
        sheet, place = None, 0
        for draft, _text in proven(export, CARRIES, _back):
            if sheet is None or place == ROWS:
                sheet, place = add_sheet(book, export.name), 0
                write_head(book, sheet, head, shape)
            place += 1
            for column, text in enumerate(row(export, place, draft)):
                write_text(sheet, place, column, text, shape)
        if sheet is None:
            write_head(book, add_sheet(book, export.name), head, shape)


def _write_long(export: Export, target: IO[bytes]) -> None:
    _write(export, target, LONG_HEAD, _long_row)


def _write_common(export: Export, target: IO[bytes]) -> None:
    _write(export, target, COMMON_HEAD, _common_row)


WORKBOOKS = (
    OutForm("common", ".xlsx", XLSX, _write_common, CARRIES),
    OutForm("national", ".xlsx", XLSX, _write_long, CARRIES),
)
