"""Workbooks that plan an examination instead of asking anything: 组题规则, 细目表."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cbt.bank.formats.tables.cells.columns import plain_header
from cbt.bank.formats.tables.rows.sheet import Page
from cbt.errors import InvalidInput

_ROWS = 40
_COUNTED = re.compile(r"(?:单选|多选|判断|选择|填空|简答|单项选择|多项选择)题?\s*[:：]?\s*\d+\s*(?:个|道|题)")
_RULES = ({"题型", "题量"}, {"题型代码", "题量"}, {"题型", "每题分数"})
_TAXONOMY = re.compile(
    r"(?:[123一二三]级(?:代码|比重)|鉴定比重|鉴定范围|认定范围|重要程度|鉴定点|认定点|细目表|考核比重)"
)


def refuse_plans(pages: Sequence[Page]) -> None:
    """Raise InvalidInput("bank.plan_workbook") when sheets without items say how many of which type."""
    for page in pages:
        rows = [[cell for cell in row if cell] for row in page.rows[:_ROWS]]
        cells = [cell for row in rows for cell in row]
        if sum(bool(_COUNTED.search(cell)) for cell in cells) >= 2:
            raise InvalidInput("bank.plan_workbook", sheet=page.name)
        for row in rows:
            headers = {plain_header(cell) for cell in row if len(cell) <= 30}
            if any(rule <= headers for rule in _RULES):
                raise InvalidInput("bank.plan_workbook", sheet=page.name)
            if len({found[0] for cell in headers if (found := _TAXONOMY.search(cell))}) >= 2:
                raise InvalidInput("bank.plan_workbook", sheet=page.name)
