"""单选 in a workbook."""

from __future__ import annotations

from cbt.bank.items.types.cells import SheetMapping
from cbt.bank.items.types.choices import sheet

MAPPING = SheetMapping("B", "单选题", sheet.CARRIED, back=sheet.back)
