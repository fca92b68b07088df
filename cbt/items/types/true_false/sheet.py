"""判断 in a workbook."""

from __future__ import annotations

from cbt.items.types.cells import SheetMapping

MAPPING = SheetMapping("C", "判断题", frozenset({"answer"}), lambda data: "√" if data["answer"] else "×")
