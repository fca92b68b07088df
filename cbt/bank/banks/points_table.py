"""The 细目表 of a bank as rows: read from a pasted text or a sheet, checked, and held against the items.

Cells come with or without a header, one level a row or all. A row is a range where it has a weight, a point
where it has an importance.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cbt.bank.store import taxonomy_of
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.taxonomy import IMPORTANCES, Point, Range, Taxonomy, parent_of, weight_sums
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemType
from cbt.rules.states import ItemState
from cbt.spreadsheets.findings import Finding, Place, Severity

HEADER_WITHIN = 12
_MEANINGS = {
    "importance": re.compile(r"重要|importance|^XYZ$|^X/Y/Z$", re.IGNORECASE),
    "weight": re.compile(r"比重|权重|比例|weight", re.IGNORECASE),
    "code": re.compile(r"代码|编码|代号|编号|code", re.IGNORECASE),
    "name": re.compile(
        r"名称|内容|鉴定点$|认定点$|知识点$|鉴定范围$|认定范围$|细目$|^name$|^point$", re.IGNORECASE
    ),
}
_IMPORTANCES = {
    "核心": "X",
    "核心要素": "X",
    "一般": "Y",
    "一般要素": "Y",
    "辅助": "Z",
    "辅助要素": "Z",
}
_DASHES = re.compile(r"[‐‑‒–—―－−_]+")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a 细目表 as somebody wrote it; `was` is the code it had in the bank, "" for a new one."""

    code: str
    name: str
    weight: str = ""
    importance: str = ""
    was: str = ""

    @property
    def blank(self) -> bool:
        return not (self.code or self.name or self.weight or self.importance)


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns that tell of one level."""

    columns: dict[str, int]

    def cell(self, row: Sequence[str], name: str) -> str:
        place = self.columns.get(name, -1)
        return row[place].strip() if 0 <= place < len(row) else ""


def plain_row(row: TableRow) -> TableRow:
    """Return a row as it is kept: codes with plain hyphens, whole weights, X, Y or Z."""
    return replace(
        row,
        code=_code(row.code),
        name=" ".join(row.name.split()),
        weight=_weight(row.weight),
        importance=_importance(row.importance),
    )


def pasted(text: str) -> list[TableRow]:
    """Return the rows of a pasted text: tabs between the cells as spreadsheets give them, else spaces."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if any("\t" in line for line in lines):
        return rows_of([[cell.strip().strip('"') for cell in line.split("\t")] for line in lines])
    return rows_of([_spaced(line) for line in lines])


def _spaced(line: str) -> list[str]:
    """Return a line without tabs as code, name, and what stands last where that is a weight or an importance."""
    words = line.split()
    last = words[-1] if len(words) > 2 else ""
    if _weight(last).isdigit() or _importance(last) in {"X", "Y", "Z"}:
        return [words[0], " ".join(words[1:-1]), last]
    return [words[0], " ".join(words[1:])]


def rows_of(cells: Sequence[Sequence[str]]) -> list[TableRow]:
    """Return the rows of a table of cells; the header is the row that names most columns, where one does."""
    ranks = [(len(_meant(row)), -number) for number, row in enumerate(cells[:HEADER_WITHIN])]
    most, place = max(ranks, default=(0, 0))
    if most < 2:
        return [row for cell in cells if not (row := _bare(cell)).blank]
    groups = _groups(cells[-place])
    below = cells[-place + 1 :]
    rows = (_one_level(groups[0], row) for row in below) if len(groups) == 1 else _many_levels(groups, below)
    return [plain_row(row) for row in rows if not row.blank]


def _meant(row: Sequence[str]) -> list[tuple[int, str]]:
    """Return which column of a row is called what."""
    columns = []
    for place, cell in enumerate(row):
        text = "".join(unicodedata.normalize("NFKC", cell).split())
        name = next((name for name, pattern in _MEANINGS.items() if text and pattern.search(text)), "")
        if name and len(text) <= 20:
            columns.append((place, name))
    return columns


def _groups(header: Sequence[str]) -> list[_Group]:
    groups: list[_Group] = []
    for place, name in _meant(header):
        if not groups or name in groups[-1].columns:
            groups.append(_Group({}))
        groups[-1].columns[name] = place
    return groups


def _bare(cells: Sequence[str]) -> TableRow:
    """Return a row without a header: code, name, then a weight or an importance."""
    texts = [cell.strip() for cell in cells]
    code, name, *rest = [*texts, "", ""]
    weight = next((text for text in rest if _weight(text).isdigit()), "")
    importance = next((text for text in rest if _importance(text) in {"X", "Y", "Z"}), "")
    return plain_row(TableRow(code, name, weight, importance))


def _one_level(group: _Group, row: Sequence[str]) -> TableRow:
    return TableRow(*(group.cell(row, name) for name in ("code", "name", "weight", "importance")))


def _many_levels(groups: Sequence[_Group], rows: Sequence[Sequence[str]]) -> Iterator[TableRow]:
    """Yield each range once and each point; a cell that is empty says what stands above it, as merged cells do."""
    above = [""] * len(groups)
    for row in rows:
        for level, group in enumerate(groups):
            own = _code(group.cell(row, "code"))
            name = group.cell(row, "name")
            if not own and not name:
                continue
            code = _under(above[level - 1] if level else "", own)
            if code == above[level] and level < len(groups) - 1:
                continue
            above[level] = code
            above[level + 1 :] = [""] * (len(groups) - level - 1)
            yield TableRow(code, name, group.cell(row, "weight"), group.cell(row, "importance"))


def _under(parent: str, code: str) -> str:
    """Return the whole code of what stands under a range: A under nothing, 001 under A-B-A, 11 under 01."""
    if not parent or not code or code.startswith(f"{parent}-"):
        return code
    if parent.isdigit() and code.isdigit():
        return code if code.startswith(parent) else parent + code
    return f"{parent}-{code}"


def _code(text: str) -> str:
    code = unicodedata.normalize("NFKC", "".join(text.split())).upper()
    return _DASHES.sub("-", code).strip("-.。")


def _weight(text: str) -> str:
    digits = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip()
    return digits.removesuffix(".0")


def _importance(text: str) -> str:
    word = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if word in _IMPORTANCES:
        return _IMPORTANCES[word]
    first, rest = word[:1], word[1:].strip("()")
    return first if first in {"X", "Y", "Z"} and (not rest or rest in _IMPORTANCES) else word


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


def table_rows(taxonomy: Taxonomy) -> list[TableRow]:
    """Return a 细目表 as rows in the order of the codes, each range before what is below it."""
    rows = [TableRow(one.code, one.name, str(one.weight), "", one.code) for one in taxonomy.ranges]
    rows += [TableRow(one.code, one.name, "", one.importance, one.code) for one in taxonomy.points]
    return sorted(rows, key=lambda row: row.code)


def table_revision(session: Session, bank: ItemBank) -> str:
    """Return the hash of a bank's table as it is, by which a change of it meanwhile is seen."""
    taxonomy = taxonomy_of(session, bank)
    rows = [[row.code, row.name, row.weight, row.importance] for row in table_rows(taxonomy)]
    return digest(canonical_json({"rows": rows}))


def used_points(session: Session, bank_id: int) -> dict[str, int]:
    """Return how many items that are not retired ask about each point, parts of cases among them."""
    alive = and_(Item.bank_id == bank_id, Item.state != ItemState.RETIRED.value)
    counts = Counter(
        dict(session.execute(select(Item.point, func.count()).where(alive).group_by(Item.point)).all())
    )
    cases = session.execute(
        select(Item.point, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(alive, Item.type == ItemType.CASE.value)
    )
    for point, content in cases:
        counts.update(set(points_in(json.loads(content))) - {point})
    return dict(counts)


def points_in(data: Mapping[str, Any]) -> Iterator[str]:
    for part in (data, *data.get("parts", ())):
        if part.get("point"):
            yield str(part["point"])


def item_count(session: Session, bank_id: int) -> int:
    """Return how many items hang on a bank, in whatever state."""
    return session.scalar(select(func.count()).select_from(Item).where(Item.bank_id == bank_id)) or 0
