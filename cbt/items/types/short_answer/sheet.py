"""简答 in a workbook."""

from __future__ import annotations

from cbt.items.types.cells import SheetMapping

MAPPING = SheetMapping("D", "简答题", frozenset({"answer"}))
