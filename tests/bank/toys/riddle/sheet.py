"""谜语 in a workbook."""

from __future__ import annotations

from cbt.items.types.cells import SheetMapping

MAPPING = SheetMapping("R", "谜语题", frozenset({"answer"}))
