"""Rows of a 细目表 out of what somebody pasted or brought: cells with or without a header, one level a row or all.

Pure. A row is a range where it has a weight, a point where it has an importance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
        """Whether nothing is written there."""
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
    found = [(len(_meant(row)), -number) for number, row in enumerate(cells[:HEADER_WITHIN])]
    most, place = max(found, default=(0, 0))
    if most < 2:
        return [row for cell in cells if not (row := _bare(cell)).blank]
    groups = _groups(cells[-place])
    below = cells[-place + 1 :]
    rows = (_one_level(groups[0], row) for row in below) if len(groups) == 1 else _many_levels(groups, below)
    return [plain_row(row) for row in rows if not row.blank]


def _meant(row: Sequence[str]) -> list[tuple[int, str]]:
    """Return which column of a row is called what."""
    found = []
    for place, cell in enumerate(row):
        text = "".join(unicodedata.normalize("NFKC", cell).split())
        name = next((name for name, pattern in _MEANINGS.items() if text and pattern.search(text)), "")
        if name and len(text) <= 20:
            found.append((place, name))
    return found


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
    found = unicodedata.normalize("NFKC", "".join(text.split())).upper()
    return _DASHES.sub("-", found).strip("-.。")


def _weight(text: str) -> str:
    found = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip()
    return found.removesuffix(".0")


def _importance(text: str) -> str:
    found = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if found in _IMPORTANCES:
        return _IMPORTANCES[found]
    first, rest = found[:1], found[1:].strip("()")
    return first if first in {"X", "Y", "Z"} and (not rest or rest in _IMPORTANCES) else found
