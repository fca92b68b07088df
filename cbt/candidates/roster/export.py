"""Rosters that go out: the template, who is registered, a file with what was found.

They are xlsx or csv; text stays text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext

from cbt.candidates.models import Candidate, Registration
from cbt.candidates.roster.tables import COLUMNS, TEMPLATE
from cbt.candidates.store import Registered
from cbt.http.i18n import local_zone
from cbt.personal import DETAILS, DOCUMENT_NAMES, PersonField, tool_names
from cbt.rules.exam import ExamBlueprint
from cbt.sittings.models import Centre, Sitting
from cbt.spreadsheets import writer
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Heading
from cbt.spreadsheets.findings import Note
from cbt.spreadsheets.intake import filled
from cbt.spreadsheets.writer import marked_copy
from cbt.storage.crypto import DOCUMENT, open_sealed, readable


def template() -> bytes:
    """Return an empty roster workbook: the headers, text columns, and a sheet that explains each column."""
    buffer = io.BytesIO()
    with writer.new_workbook(buffer) as book:
        _sheet(book, [])
        lines = [(_header(name), gettext(f"candidates.template.column.{name}")) for name in TEMPLATE]
        kinds = "、".join(names[0] for names in DOCUMENT_NAMES.values())
        notes = [*lines, ("", ""), (COLUMNS.title("document_type"), kinds)]
        writer.write_notes(book, gettext("candidates.template.notes"), notes)
    return buffer.getvalue()


OF_BATCH = (*TEMPLATE, "date", "time", "sitting", "centre")
"""The columns of a roster of several sittings."""
Held = Mapping[int, tuple[Sitting, Centre]]
"""Sittings with their centres, by the id of the sitting."""


def rows_of(
    entries: Sequence[Registered],
    blueprints: Mapping[int, ExamBlueprint],
    batch: str,
    *,
    reveal: bool,
    held: Held | None = None,
) -> list[list[str]]:
    """Return the roster rows of registrations, masked unless `reveal`; revealed ones import again.

    With the sittings that are `held` each row says where it is, too.
    """
    rows = []
    for entry in entries:
        values = _values(entry, blueprints[entry.registration.blueprint_version_id], batch, reveal)
        if held is not None:
            values |= _where(*held[entry.registration.sitting_id])
        rows.append([values[column] for column in (TEMPLATE if held is None else OF_BATCH)])
    return rows


_KINDS = {"first": "新考", "retake": "补考"}


def line_of_applicant(facts: Mapping[str, str], *, document_type: str, kind: str) -> list[str]:
    """Return the row of somebody who is no candidate yet, from what is known by column; the rest stays empty."""
    values = {
        **{name: DETAILS[name].cell(text) if name in DETAILS else text for name, text in facts.items()},
        "document_type": DOCUMENT_NAMES[document_type][0],
        "kind": _KINDS[kind],
    }
    return [values.get(column, "") for column in TEMPLATE]


def _where(sitting: Sitting, centre: Centre) -> dict[str, str]:
    start = sitting.planned_start_at.astimezone(local_zone())
    return {
        "date": f"{start:%Y-%m-%d}",
        "time": f"{start:%H:%M}",
        "sitting": sitting.name,
        "centre": centre.name,
    }


def _values(entry: Registered, blueprint: ExamBlueprint, batch: str, reveal: bool) -> dict[str, str]:
    candidate, registration = entry.candidate, entry.registration
    lost = gettext("candidates.number_unreadable")
    number = readable(candidate.document_sealed, DOCUMENT) if reveal else candidate.document_masked
    return {
        "name": candidate.name,
        "document_type": DOCUMENT_NAMES[candidate.document_type][0],
        "document_number": lost if number is None else number,
        "occupation": blueprint.occupation_name,
        "level": blueprint.level_name,
        "paper": blueprint.papers[registration.paper].name,
        **{name: _detail(field, candidate, lost, reveal) for name, field in DETAILS.items()},
        "batch": batch,
        "eligibility": registration.eligibility,
        "kind": _KINDS[registration.kind],
        "ticket": entry.ticket.number,
        "room": entry.room.name,
        "seat": f"{entry.seat.number:02d}",
        "accommodation": accommodation_text(entry),
        "note": registration.note,
    }


def _detail(field: PersonField, candidate: Candidate, lost: str, reveal: bool) -> str:
    value = field.value_of(candidate)
    return lost if value is None else field.cell(value if reveal else field.mask(value))


def line_of_retake(
    candidate: Candidate, former: Registration, blueprint: ExamBlueprint, batch: str
) -> list[str]:
    """Return the row of somebody who takes a paper again, with the full number; seats and tickets are given anew.

    What the `former` registration was granted goes along (R-30). Raise Unavailable where a number does not open.
    """
    values = {
        "name": candidate.name,
        "document_type": DOCUMENT_NAMES[candidate.document_type][0],
        "document_number": open_sealed(candidate.document_sealed, DOCUMENT),
        "occupation": blueprint.occupation_name,
        "level": blueprint.level_name,
        "paper": blueprint.papers[former.paper].name,
        **{name: _detail(field, candidate, "", reveal=True) for name, field in DETAILS.items()},
        "batch": batch,
        "eligibility": former.eligibility,
        "kind": _KINDS["retake"],
        "accommodation": granted_text(former),
    }
    return [values.get(column, "") for column in TEMPLATE]


def accommodation_text(entry: Registered) -> str:
    """Return an accommodation as a roster says it; an empty text for none."""
    return granted_text(entry.registration)


def granted_text(registration: Registration) -> str:
    """Return what a registration was granted, as a roster says it; an empty text for nothing."""
    parts = tool_names(registration.tools)
    if registration.factor != 1:
        parts.insert(0, f"{registration.factor:f}倍")
    elif registration.extra:
        parts.insert(0, f"加时{registration.extra // timedelta(minutes=1)}分钟")
    return "、".join(parts)


def to_xlsx(rows: Sequence[Sequence[str]], columns: Sequence[str] = TEMPLATE) -> bytes:
    """Return roster rows as a workbook, every cell a string."""
    buffer = io.BytesIO()
    with writer.new_workbook(buffer) as book:
        _sheet(book, rows, columns)
    return buffer.getvalue()


def to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return roster rows as CSV with a byte-order mark; a cell that looks like a formula is marked as text."""
    return writer.to_csv([[_header(column) for column in TEMPLATE], *rows])


def _header(name: str) -> str:
    return COLUMNS.title(name) + ("*" if COLUMNS.by_name[name].required else "")


def _sheet(book: Any, rows: Sequence[Sequence[str]], names: Sequence[str] = TEMPLATE) -> None:
    sheet = book.add_worksheet(gettext("candidates.template.sheet"))
    text = writer.text_format(book)
    columns = [COLUMNS.by_name[name] for name in names]
    writer.write_head(book, sheet, [(_header(one.name), one.width, one.required) for one in columns], text)
    sheet.freeze_panes(1, 1)
    for number, row in enumerate(rows, 1):
        for place, cell in enumerate(row):
            writer.write_text(sheet, number, place, cell, text)


def marked_roster(
    sheets: Sequence[SheetData], headings: Sequence[Heading], notes: Sequence[Note], *, title: str
) -> bytes:
    """Return the sheets as a workbook with what was found; it comes in again as what it is, once it is mended.

    `title` heads the column that says what to do: one of those that are known and not read (问题).
    """
    heads = {one.sheet: one.row for one in reversed(headings)}
    return marked_copy([filled(one) for one in sheets], notes, heads, title=title)
