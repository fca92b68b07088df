"""The erasure of rows with everything that refers to them, and of a batch's records piece by piece.

What refers to a row is found table by table, as the foreign keys say. So a table that is added later goes,
too, without anybody having to think of it here.

Source: R-95.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    ForeignKey,
    Table,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration, Withdrawal
from cbt.certificates.models import Certificate
from cbt.enrolment.models import ApplicationStep, UnitApplication
from cbt.http.i18n import local_zone
from cbt.personal import FIELDS, Erasure
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.types import Base
from cbt.storage.write_queue.change_set import one_writes

STAYS = frozenset(
    {
        "batch", "batch_level", "sitting", "sitting_room", "sitting_change", "room_staff", "room_adjustment",
        "room_hold", "room_printing", "go_sheet", "release", "retention_hold", "destruction",
        "unit_application", "fee_charge", "fee_match",
        "certificate",
    }
)  # fmt: skip
"""What stays of a batch: that it was held, where, when and by whom; what was paid; the register of certificates."""
EVERYTHING = sys.maxsize
"""So many rows may go together where nobody counts them."""


def table_of(name: str) -> Table:
    return Base.metadata.tables[name]


@cache
def referring(name: str, *, all_of_them: bool = False) -> tuple[tuple[Table, ForeignKey], ...]:
    """Return which columns of which tables refer to a table; what stays only with `all_of_them`."""
    return tuple(
        (table, key)
        for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name)
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name)
        if key.column.table.name == name and table.name != name and (all_of_them or table.name not in STAYS)
    )


def erase(
    session: Session,
    table: Table,
    condition: ColumnElement[bool],
    counts: Counter[str],
    *,
    most: int = EVERYTHING,
) -> int:
    """Delete rows and all that refers to them, and count the rows of each table; what stays is not followed.

    What refers to others goes first, and no more than `most` rows altogether. Return how many more might have gone:
    0 says that something may be left.
    """
    if referring(table.name):
        if session.execute(select(*table.primary_key.columns).where(condition).limit(1)).first() is None:
            return most  # most tables have nothing of it: whatever refers to them is not asked
        most = erase_below(session, table.name, condition, counts, most=most)
    if not most:
        return 0
    some = condition
    if most < EVERYTHING:
        key = tuple_(*table.primary_key.columns)
        some = key.in_(select(*table.primary_key.columns).where(condition).limit(most))
    gone = cast("CursorResult[Any]", session.execute(delete(table).where(some)))
    counts[table.name] += gone.rowcount
    return most - gone.rowcount if most < EVERYTHING else most


def erase_below(
    session: Session,
    name: str,
    condition: ColumnElement[bool],
    counts: Counter[str],
    *,
    most: int = EVERYTHING,
) -> int:
    """Delete what refers to rows that stay themselves; `most` and what is returned are as for `erase`."""
    for child, key in referring(name):
        if most:
            most = erase(session, child, _in(key, condition), counts, most=most)
    return most


def _in(key: ForeignKey, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return key.parent.in_(select(key.column).where(condition))


PIECE = 10
"""So many registrations, or people, go in one transaction."""
ROWS, ROWS_AT_ONCE = 100, 1_000
"""So many rows of what hangs on them, a journal first of all: nobody's save waits for more where one act at a time
writes, and no piece costs more than its rows where many do."""
_FREE_TEXT = {"note": "", "put_right": "", "late_reason": ""}
"""What somebody may have written of a person in an application that stays."""


def _most() -> int:
    return ROWS if one_writes() else ROWS_AT_ONCE


def registrations_left(session: Session, batch_id: int) -> int:
    query = (
        select(func.count()).select_from(Registration).join(Sitting, Sitting.id == Registration.sitting_id)
    )
    return session.scalar(query.where(Sitting.batch_id == batch_id)) or 0


def erase_piece(session: Session, batch_id: int, counts: Counter[str], *, last_on: date) -> bool:
    """Erase the next piece of a batch's records; say whether anything is left.

    With them go the people of applications that came to no batch and that nobody touched after `last_on`: what is
    due of the batch is due of them.

    Source: R-95.
    """
    sittings = select(Sitting.id).where(Sitting.batch_id == batch_id)
    registered = session.scalars(
        select(Registration.id)
        .where(Registration.sitting_id.in_(sittings))
        .order_by(Registration.id)
        .limit(PIECE)
        .with_for_update()  # before their papers (cbt/application/lock_order.py)
    ).all()
    if registered:
        attempts = table_of("attempt").c.registration_id.in_(registered)
        if erase_below(session, "attempt", attempts, counts, most=_most()):
            _erase_registrations(session, registered, counts)
        return True
    tickets = session.execute(
        select(AdmissionTicket.id, AdmissionTicket.candidate_id)
        .where(AdmissionTicket.batch_id == batch_id)
        .order_by(AdmissionTicket.id)
        .limit(PIECE)
    ).all()
    if tickets:
        _erase_tickets(session, [one.id for one in tickets], counts)
        _erase_people(session, {one.candidate_id for one in tickets}, counts)
        return True
    most = _erase_rest(session, batch_id, counts)
    return not (most and _erase_applications(session, _came_to_nothing(last_on), counts, most=most))


def _erase_registrations(session: Session, ids: Sequence[int], counts: Counter[str]) -> None:
    of_these = select(Attempt.id, Attempt.ref, Attempt.form_id).where(Attempt.registration_id.in_(ids))
    attempts = session.execute(of_these).all()
    refs = session.scalars(select(Registration.ref).where(Registration.id.in_(ids))).all()
    subjects = [f"attempt:{one.ref}" for one in attempts] + [f"registration:{ref}" for ref in refs]
    table = table_of("registration")
    erase(session, table, table.c.id.in_(ids), counts)
    _erase_forms(session, {one.form_id for one in attempts}, counts)
    _erase_approvals(session, subjects, counts)


def _erase_tickets(session: Session, ids: Sequence[int], counts: Counter[str]) -> None:
    forms = session.scalars(select(Withdrawal.form_id).where(Withdrawal.ticket_id.in_(ids))).all()
    table = table_of("admission_ticket")
    erase(session, table, table.c.id.in_(ids), counts)
    _erase_forms(session, {one for one in forms if one is not None}, counts)


def _erase_forms(session: Session, ids: Collection[int], counts: Counter[str]) -> None:
    """Erase papers that nobody has any more."""
    table = table_of("form")
    unused = (
        table.c.id.in_(ids)
        & ~exists().where(Attempt.form_id == Form.id)
        & ~exists().where(Withdrawal.form_id == Form.id)
    )
    erase(session, table, unused, counts)


def _erase_people(session: Session, ids: Collection[int], counts: Counter[str]) -> None:
    """Erase people who are in no other batch; of who has a certificate, what the register does not say."""
    elsewhere = exists().where(AdmissionTicket.candidate_id == Candidate.id) | exists().where(
        Registration.candidate_id == Candidate.id
    )
    mine = session.scalars(select(Candidate.id).where(Candidate.id.in_(ids), ~elsewhere)).all()
    certified = set(
        session.scalars(select(Certificate.candidate_id).where(Certificate.candidate_id.in_(mine)).distinct())
    )
    reduce_people(session, certified, counts)
    table = table_of("candidate")
    erase(session, table, table.c.id.in_([one for one in mine if one not in certified]), counts)


def reduce_people(session: Session, ids: Collection[int], counts: Counter[str]) -> None:
    """Leave of people what the register of certificates needs: the name and the document. Source: R-93, R-95."""
    if not ids:
        return
    bare = {
        field.column: field.nothing
        for field in FIELDS.values()
        if field.erased is not Erasure.WITH_THE_PERSON
    }
    session.execute(update(Candidate).where(Candidate.id.in_(ids)).values(bare))
    for name in (CandidatePhoto.__tablename__, "correction"):
        table = table_of(name)
        erase(session, table, table.c.candidate_id.in_(ids), counts)


def _erase_rest(session: Session, batch_id: int, counts: Counter[str]) -> int:
    """Erase some of what hangs on the batch, its sittings, rooms and applications; return as `erase` does."""
    batch, sitting, room = table_of("batch"), table_of("sitting"), table_of("sitting_room")
    rooms = session.execute(
        select(SittingRoom.ref, Sitting.ref)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(Sitting.batch_id == batch_id)
    ).all()
    subjects = {f"sitting_room:{ref}" for ref, _ in rooms} | {f"sitting:{ref}" for _, ref in rooms}
    in_batch = sitting.c.batch_id == batch_id
    below = {
        "sitting_room": room.c.sitting_id.in_(select(sitting.c.id).where(in_batch)),
        "sitting": in_batch,
        "batch": batch.c.id == batch_id,
    }
    most = _most()
    for name, condition in below.items():
        if most:
            most = erase_below(session, name, condition, counts, most=most)
    if most:
        most = _erase_applications(session, UnitApplication.batch_id == batch_id, counts, most=most)
    if most:
        most = _erase_approvals(session, sorted(subjects), counts, most=most)
    return most


def _came_to_nothing(last_on: date) -> ColumnElement[bool]:
    late = datetime.combine(last_on + timedelta(days=1), time(), local_zone())
    touched = exists().where(ApplicationStep.application_id == UnitApplication.id, ApplicationStep.at >= late)
    return UnitApplication.batch_id.is_(None) & (UnitApplication.created_at < late) & ~touched


def _erase_applications(
    session: Session, chosen: ColumnElement[bool], counts: Counter[str], *, most: int
) -> int:
    """Erase the people of applications, their evidence and what was written; that they were made stays.

    `most` and what is returned are as for `erase`.
    """
    written = or_(*(getattr(UnitApplication, name) != "" for name in _FREE_TEXT))
    some = session.scalars(select(UnitApplication.id).where(chosen, written).limit(PIECE)).all()
    session.execute(update(UnitApplication).where(UnitApplication.id.in_(some)).values(_FREE_TEXT))
    if len(some) == PIECE:
        return 0
    of_these = table_of("unit_application").c.id.in_(select(UnitApplication.id).where(chosen))
    return erase_below(session, "unit_application", of_these, counts, most=most)


def _erase_approvals(
    session: Session, subjects: Sequence[str], counts: Counter[str], *, most: int = EVERYTHING
) -> int:
    """Erase what two people were shown of these: names stand in it. `most` is as for `erase`."""
    table = table_of("approval")
    return erase(session, table, table.c.subject.in_(subjects), counts, most=most)
