"""Rosters going out: the empty template, and who is registered, as xlsx or csv; text stays text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext

from cbt.candidates.personal import DOCUMENT, PHONE, mask_phone
from cbt.candidates.roster.columns import COLUMNS, DOCUMENT_NAMES, REQUIRED
from cbt.candidates.store import Registered
from cbt.db.private.sealing import open_sealed
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sheets import writing
from cbt.sheets.writing import text_format, write_text

TEMPLATE_COLUMNS = (
    "name", "document_type", "document_number", "level", "paper", "gender", "phone", "employer", "batch",
    "eligibility", "kind", "ticket", "room", "seat", "accommodation", "note",
)  # fmt: skip
_WIDTHS = {"document_number": 24, "employer": 28, "batch": 24, "ticket": 16, "note": 24, "phone": 16}


def template() -> bytes:
    """Return an empty roster workbook: the headers, text columns, and a sheet that explains each column."""
    buffer = io.BytesIO()
    with writing.new_workbook(buffer) as book:
        sheet = book.add_worksheet(gettext("candidates.template.sheet"))
        text = _head(book, sheet)
        notes = book.add_worksheet(gettext("candidates.template.notes"))
        notes.set_column(0, 0, 18)
        notes.set_column(1, 1, 90)
        for row, column in enumerate(TEMPLATE_COLUMNS):
            write_text(notes, row, 0, _header(column), text)
            write_text(notes, row, 1, gettext(f"candidates.template.column.{column}"), text)
        write_text(notes, len(TEMPLATE_COLUMNS) + 1, 0, COLUMNS["document_type"][0], text)
        kinds = "、".join(names[0] for names in DOCUMENT_NAMES.values())
        write_text(notes, len(TEMPLATE_COLUMNS) + 1, 1, kinds, text)
    return buffer.getvalue()


def rows_of(
    entries: Sequence[Registered], blueprints: Mapping[int, ExamBlueprint], batch: str, *, reveal: bool
) -> list[list[str]]:
    """Return the roster rows of registrations, masked unless `reveal`; revealed ones import again."""
    return [
        _row(entry, blueprints[entry.registration.blueprint_version_id], batch, reveal) for entry in entries
    ]


def _row(entry: Registered, blueprint: ExamBlueprint, batch: str, reveal: bool) -> list[str]:
    candidate, registration = entry.candidate, entry.registration
    phone = open_sealed(candidate.phone_sealed, PHONE) if candidate.phone_sealed else ""
    values = {
        "name": candidate.name,
        "document_type": DOCUMENT_NAMES[candidate.document_type][0],
        "document_number": open_sealed(candidate.document_sealed, DOCUMENT)
        if reveal
        else candidate.document_masked,
        "level": blueprint.level_name,
        "paper": blueprint.papers[registration.paper].name,
        "gender": {"male": "男", "female": "女"}.get(candidate.gender, ""),
        "phone": phone if reveal else mask_phone(phone),
        "employer": candidate.employer,
        "batch": batch,
        "eligibility": registration.eligibility,
        "kind": {"first": "新考", "retake": "补考"}[registration.kind],
        "ticket": entry.ticket.number,
        "room": entry.room.name,
        "seat": f"{entry.seat.number:02d}",
        "accommodation": accommodation_text(entry),
        "note": registration.note,
    }
    return [values[column] for column in TEMPLATE_COLUMNS]


def accommodation_text(entry: Registered) -> str:
    """Return an accommodation as a roster says it; an empty text for none."""
    registration = entry.registration
    if registration.factor != 1:
        return f"{registration.factor:f}倍"
    if registration.extra:
        return f"加时{registration.extra // timedelta(minutes=1)}分钟"
    return ""


def to_xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    """Return roster rows as a workbook, every cell a string."""
    buffer = io.BytesIO()
    with writing.new_workbook(buffer) as book:
        sheet = book.add_worksheet(gettext("candidates.template.sheet"))
        shape = _head(book, sheet)
        for number, row in enumerate(rows, 1):
            for place, text in enumerate(row):
                write_text(sheet, number, place, text, shape)
    return buffer.getvalue()


def to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return roster rows as CSV with a byte-order mark; a cell that looks like a formula is marked as text."""
    return writing.to_csv([[_header(column) for column in TEMPLATE_COLUMNS], *rows])


def _header(column: str) -> str:
    return COLUMNS[column][0] + ("*" if column in REQUIRED else "")


def _head(book: Any, sheet: Any) -> Any:
    """Write the headers; return the format of the cells below them."""
    text = text_format(book)
    required = text_format(book, {"bold": True, "bg_color": "#DCE8FB", "border": 1})
    optional = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    for place, column in enumerate(TEMPLATE_COLUMNS):
        sheet.set_column(place, place, _WIDTHS.get(column, 13), text)
        write_text(sheet, 0, place, _header(column), required if column in REQUIRED else optional)
    sheet.freeze_panes(1, 1)
    return text
