"""Whether a 细目表 is one: everything that is wrong with it at once, each with its row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from cbt.bank.desk.banks.cells import TableRow
from cbt.bank.taxonomy import IMPORTANCES, Point, Range, Taxonomy, parent_of, weight_sums
from cbt.sheets.findings import Finding, Place, Severity

MOST_ROWS = 1200
LONGEST_CODE, LONGEST_NAME = 20, 120
_CODE = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")


def check_table(
    rows: Sequence[TableRow], used: Mapping[str, int], *, name: str, note: str
) -> tuple[Taxonomy, list[Finding]]:
    """Return the table that rows make and what is wrong with them, in the order of the rows (from 1).

    `used` says how many items ask about each point that there was. A table with an error is not to be kept.
    """
    findings: list[Finding] = []

    def wrong(code: str, line: int, value: object = "", **params: object) -> None:
        findings.append(Finding(Severity.ERROR, code, Place(line=line), str(value), params=params))

    if len(rows) > MOST_ROWS:
        wrong("table_long", 0, len(rows), most=MOST_ROWS)
    counts = Counter(row.code for row in rows)
    ranges = {row.code: line for line, row in enumerate(rows, 1) if not row.importance}
    for line, row in enumerate(rows, 1):
        for code, value in _of_row(row):
            wrong(code, line, value)
        if row.code and counts[row.code] > 1:
            wrong("table_code_twice", line, row.code)
        if row.code and row.importance and not parent_of(row.code, ranges):
            wrong("point_without_range", line, row.code)
    weights = {row.code: int(row.weight) for row in rows if _is_weight(row.weight) and not row.importance}
    if weights and not any(found.code == "table_weight" for found in findings):
        for code, weight, total in weight_sums(weights):
            wrong("weights_sum", ranges.get(code, 0), code or "—", weight=weight, sum=total)
    kept = {row.was or row.code for row in rows if row.importance}
    for code in sorted(set(used) - kept):
        wrong("table_point_used", 0, code, count=used[code])
    taxonomy = Taxonomy(
        name=name,
        note=note,
        ranges=tuple(
            Range(row.code, row.name, weights.get(row.code, 0)) for row in rows if not row.importance
        ),
        points=tuple(Point(row.code, row.name, row.importance) for row in rows if row.importance),
    )
    return taxonomy, sorted(findings, key=lambda one: one.place.line)


def _of_row(row: TableRow) -> Iterator[tuple[str, object]]:
    """Yield what is wrong with a row by itself, and what stands there."""
    if not row.code:
        yield "table_code_missing", row.name
    elif len(row.code) > LONGEST_CODE or not _CODE.fullmatch(row.code):
        yield "table_code", row.code
    if not row.name:
        yield "table_name_missing", row.code
    elif len(row.name) > LONGEST_NAME:
        yield "table_name_long", row.name
    if row.weight and row.importance:
        yield "table_both", row.code
    elif not row.weight and not row.importance:
        yield "table_neither", row.code
    elif row.importance and row.importance not in IMPORTANCES:
        yield "table_importance", row.importance
    elif row.weight and not _is_weight(row.weight):
        yield "table_weight", row.weight


def _is_weight(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and 0 < int(text) <= 100
