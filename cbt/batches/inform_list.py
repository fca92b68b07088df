"""Whom to tell that a sitting was moved, withdrawn or cancelled, as a workbook with their phones.

Source: R-60, R-64.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprints_of
from cbt.candidates.store import Registered, entries_of_sitting
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import phone_of
from cbt.errors import Conflict
from cbt.http.i18n import local_text
from cbt.personal import DETAILS
from cbt.sittings import store
from cbt.sittings.models import Batch, Centre, Sitting, SittingChange
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text
from cbt.storage.unit_of_work import reading

PEOPLE = (
    ("candidates.name", 14),
    ("candidates.phone", 18),
    ("candidates.employer", 32),
    ("candidates.ticket", 20),
    ("batches.inform.paper", 20),
    ("candidates.print.room", 20),
    ("candidates.seat", 8),
    ("batches.inform.told", 14),
)
UNITS = (
    ("enrolment.unit.name", 36),
    ("batches.inform.people", 10),
    ("enrolment.unit.contact", 14),
    ("enrolment.unit.phone", 18),
    ("batches.inform.told", 14),
)
STAFF = (("candidates.name", 14), ("batches.inform.duty", 14), ("batches.inform.told", 14))


def inform_list(
    sitting_ref: str, *, now: datetime, actor: str
) -> tuple[str, bytes, Callable[[Session], None]]:
    """Return the name of the file, the workbook, and what puts on record that it was taken.

    Raise Conflict("moving.nothing_to_tell") for a sitting that is as it was published.
    """
    with reading() as session:
        sitting = store.sitting_by_ref(session, sitting_ref)
        changes = store.changes_of(session, [sitting.id]).get(sitting.id, [])
        change = store.told_change(sitting, changes)
        if change is None:
            raise Conflict("moving.nothing_to_tell")
        entries = entries_of_sitting(session, sitting.id)
        people, units, staff = _people(session, entries), _units(session, entries), _staff(session, sitting)
        head = _head(session, sitting, change)
        subject = sitting.logged_as
        name = str(_("batches.inform.file", sitting=sitting.name))
    book = _workbook(head, people, units, staff)
    after = {"rows": len(people), "phones": sum(bool(row[1]) for row in people)}
    note = partial(record, at=now, actor=actor, act="sitting.inform_list", subject=subject, after=after)
    return f"{name}.xlsx", book, note


def _head(session: Session, sitting: Sitting, change: SittingChange) -> list[tuple[str, str]]:
    """Return what happened: what the sitting is, when and where it was, when and where it is, why."""
    start = local_text(sitting.planned_start_at)
    centre = session.get_one(Centre, sitting.centre_id)
    lines = [
        (_("sittings.sitting.name"), sitting.name),
        (_("batches.inform.batch"), session.get_one(Batch, sitting.batch_id).name),
        (_("batches.inform.what"), _(f"batches.inform.{change.kind}")),
    ]
    if change.former_start_at is not None:
        lines.append((_("batches.inform.former"), local_text(change.former_start_at)))
    if change.kind == "move":
        lines.append((_("batches.inform.start"), start))
        place = f"{centre.name} {centre.address}".strip()
        lines.append((_("candidates.print.centre"), place))
    for line in filter(None, change.rooms.split("\n")):
        lines.append((_("candidates.print.room"), line))
    return [(str(label), str(value)) for label, value in [*lines, (_("candidates.reason"), change.reason)]]


def _people(session: Session, entries: Sequence[Registered]) -> list[list[str]]:
    blueprints = blueprints_of(session, [entry.registration.blueprint_version_id for entry in entries])
    return [
        [
            entry.candidate.name,
            _phone(entry),
            entry.candidate.employer,
            entry.ticket.number,
            blueprints[entry.registration.blueprint_version_id].papers[entry.registration.paper].name,
            entry.room.name,
            f"{entry.seat.number:02d}",
            "",
        ]
        for entry in entries
    ]


def _phone(entry: Registered) -> str:
    """Return somebody's phone, "" for none, and a word where the key does not open it."""
    number = DETAILS["phone"].value_of(entry.candidate)
    return str(_("batches.inform.unreadable")) if number is None else number


def _units(session: Session, entries: Sequence[Registered]) -> list[list[str]]:
    """Return the units of these people, the largest first, each with whom to ask there where it is a member."""
    counts = Counter({entry.candidate.id: entry.candidate.employer for entry in entries}.values())
    counts.pop("", None)
    members = {
        unit.name: unit
        for unit in session.scalars(select(MemberUnit).where(MemberUnit.name.in_(list(counts))))
    }
    return [
        [
            name,
            str(count),
            members[name].contact if name in members else "",
            (phone_of(members[name]) or "") if name in members else "",
            "",
        ]
        for name, count in sorted(counts.items(), key=lambda line: (-line[1], line[0]))
    ]


def _staff(session: Session, sitting: Sitting) -> list[list[str]]:
    duties = {(one.staff.id, one.duty): one for one in store.duties_of_sitting(session, sitting.id)}
    return [[one.staff.name, str(_(f"role.{one.duty}")), ""] for one in duties.values()]


def _workbook(
    head: Sequence[tuple[str, str]],
    people: Sequence[Sequence[str]],
    units: Sequence[Sequence[str]],
    staff: Sequence[Sequence[str]],
) -> bytes:
    target = io.BytesIO()
    book = new_workbook(target)
    plain = text_format(book)
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    first = _sheet(book, "batches.move.told.people", PEOPLE, people, plain, bold, below=len(head) + 1)
    for row, (label, value) in enumerate(head):
        write_text(first, row, 0, label, bold)
        write_text(first, row, 1, value, plain)
    _sheet(book, "batches.move.told.units", UNITS, units, plain, bold)
    _sheet(book, "batches.move.told.staff", STAFF, staff, plain, bold)
    book.close()
    return target.getvalue()


def _sheet(
    book: Any,
    title: str,
    columns: Sequence[tuple[str, int]],
    rows: Sequence[Sequence[str]],
    plain: Any,
    bold: Any,
    *,
    below: int = 0,
) -> Any:
    sheet = add_sheet(book, str(_(title)))
    for place, (label, width) in enumerate(columns):
        sheet.set_column(place, place, width, plain)
        write_text(sheet, below, place, str(_(label)), bold)
    for row, cells in enumerate(rows, below + 1):
        for place, cell in enumerate(cells):
            write_text(sheet, row, place, cell, plain)
    return sheet
