"""The 国标 11 columns: one item a row, headers by alias, on every sheet that has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cbt.bank.formats.cells import scale_of
from cbt.bank.formats.national.codes import item_type
from cbt.bank.formats.national.columns import CHOICES, COLUMNS
from cbt.bank.formats.workbook import read_workbook
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.items.types.registry import AUTHORING
from cbt.rules.items.values import ItemType
from cbt.sheets.cells import SheetData
from cbt.sheets.columns import ColumnUse, Heading
from cbt.sheets.findings import Finding, Place, Severity

NAME = "national"
_DEFAULT_SCALE = {"difficulty": 3, "consistency": 5}


def read_national(content: bytes, file_name: str) -> Reading:
    """Read a workbook of the 国标 11 columns; rows that cannot be read become findings.

    Raises InvalidInput as `read_workbook` does. A file without any such sheet gives one finding each sheet.
    """
    findings: list[Finding] = []
    items: list[ItemDraft] = []
    uses: list[ColumnUse] = []
    sheets = read_workbook(content)
    for sheet in sheets:
        heading = COLUMNS.heading(sheet, file_name)
        if heading is None or heading.missing:
            findings += _not_read(sheet, heading, file_name, alone=len(sheets) == 1)
            continue
        uses += heading.uses
        for place, field in heading.doubled:
            findings.append(
                Finding(Severity.HINT, "column_double", place, place.header, params={"field": field})
            )
        for number, row in enumerate(sheet.rows[heading.row :], heading.row + 1):
            if any(row):
                draft, found = _row(_Row(heading, number, row))
                findings += found
                items += [draft] if draft else []
    if not uses and not any(found.severity is Severity.ERROR for found in findings):
        findings.append(Finding(Severity.ERROR, "no_columns", Place(file_name)))
    return Reading(NAME, file_name, items, findings, columns=tuple(uses))


def _not_read(sheet: SheetData, near: Heading | None, file_name: str, *, alone: bool) -> list[Finding]:
    if near is not None:
        place = Place(file_name, sheet.name, near.row)
        return [Finding(Severity.ERROR, "column_missing", place, params={"fields": near.missing})]
    if alone or not any(any(row) for row in sheet.rows):
        return []
    return [Finding(Severity.HINT, "sheet_left_out", Place(file_name, sheet.name))]


class _Row:
    """One row of a sheet, its cells by the name of the field."""

    def __init__(self, heading: Heading, number: int, cells: Sequence[str]) -> None:
        self._heading, self._number, self._cells = heading, number, cells
        self._places = heading.places

    def text(self, name: str) -> str:
        index = self._places.get(name, -1)
        return self._cells[index] if 0 <= index < len(self._cells) else ""

    def place(self, name: str = "") -> Place:
        return self._heading.place(self._number, name)

    def places(self) -> dict[str, Place]:
        """Return the place of every field of the item this row becomes."""
        found = {name: self.place(name) for name in self._places if name not in CHOICES}
        filled = [name for name in CHOICES if self.text(name)]
        return {
            **found,
            "": self.place(),
            **{f"choices.{n}": self.place(name) for n, name in enumerate(filled, 1)},
            **({"choices": self.place(CHOICES[0])} if CHOICES[0] in self._places else {}),
        }

    def error(self, code: str, name: str, **params: object) -> Finding:
        place = self.place(name)
        return Finding(
            Severity.ERROR, code, place, self.text(name), str(self.place()), {"field": name, **params}
        )


def _row(row: _Row) -> tuple[ItemDraft | None, list[Finding]]:
    findings = [row.error("missing", name) for name in COLUMNS.required if not row.text(name)]
    if not row.text("type"):
        return None, [*findings, *_scales(row, {})]
    choices = [row.text(name) for name in CHOICES]
    filled = sum(bool(text) for text in choices)
    kind = item_type(row.text("type"), choices=filled, answer=row.text("answer"))
    if not isinstance(kind, ItemType):
        return None, [*findings, row.error(kind, "type"), *_scales(row, {})]
    data: dict[str, Any] = {"type": kind.value, "point": row.text("point"), "stem": row.text("stem")}
    findings += AUTHORING[kind].read_choices(row, choices, data)
    findings += _scales(row, data)
    findings += AUTHORING[kind].read_answer(row, data) if row.text("answer") else []
    if explanation := row.text("explanation"):
        data["explanation"] = explanation
    return (None if findings else ItemDraft("", data, row.places())), findings


def _scales(row: _Row, data: dict[str, Any]) -> list[Finding]:
    findings = []
    for name, default in _DEFAULT_SCALE.items():
        text = row.text(name)
        value = scale_of(text) if text else default
        if value is None:
            findings.append(row.error("scale", name))
        else:
            data[name] = value
    return findings
