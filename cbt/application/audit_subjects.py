"""What the things of the log are called, room by room, and which of them belong to a sitting."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import CompoundSelect, Select, literal, or_, select, union_all
from sqlalchemy.orm import Session

from cbt.accounts.log.words import Called, LogNames, Namer
from cbt.accounts.models import Approval
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.certificates.models import Certificate, UploadMapping
from cbt.enrolment.models import (
    Applicant,
    FeePayment,
    MemberUnit,
    OfficeMajor,
    UnitAgreement,
    UnitApplication,
)
from cbt.items.models import Item, ItemBank
from cbt.retention.models import Destruction
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingRoom

MOST_SITTINGS = 200
"""So many are offered to choose from, and the one an address names."""
_SEPARATOR = " · "
_SITTING, _PERSON = "candidates.sitting", "candidates.registration"


def _found_by(query: Select[*tuple[Any, ...]], endpoint: str, key: Any) -> Namer:
    """Return who names things by rows of: their ref, the parts of their name, the ref of the page."""

    def name(session: Session, refs: Collection[str]) -> dict[str, Called]:
        rows = session.execute(query.where(key.in_(refs)))
        return {
            ref: Called(_SEPARATOR.join(filter(None, parts)), endpoint if shown else "", {"ref": shown})
            for ref, *parts, shown in rows
        }

    return name


def _seats(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rooms = {ref.partition(":")[0] for ref in refs}
    names = dict(session.execute(select(Room.ref, Room.name).where(Room.ref.in_(rooms))).all())
    found = {}
    for ref in refs:
        room, _colon, number = ref.partition(":")
        if room in names:
            name = str(_("accounts.log.seat", room=names[room], number=number))
            found[ref] = Called(name, "sittings.centres.room", {"ref": room})
    return found


def _items(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rows = session.execute(
        select(Item.ref, ItemBank.name, ItemBank.ref).join(ItemBank).where(Item.ref.in_(refs))
    ).all()
    found: dict[str, Called] = {}
    for ref, bank_name, bank in rows:
        # Of two banks that call an item the same, the log does not say which.
        known = ref in found
        name = ref if known else f"{bank_name}{_SEPARATOR}{ref}"
        found[ref] = Called(name, "" if known else "bank.item", {"ref": bank, "item_ref": ref})
    return found


def _approvals(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rows = session.execute(select(Approval.ref, Approval.act, Approval.place).where(Approval.ref.in_(refs)))
    return {
        ref: Called(_SEPARATOR.join(filter(None, (str(_(f"approval.act.{act}")), place))))
        for ref, act, place in rows
    }


def _days(_session: Session, refs: Collection[str]) -> dict[str, Called]:
    return {ref: Called(ref, "enrolment.decided.days") for ref in refs}


def _blueprints(_session: Session, refs: Collection[str]) -> dict[str, Called]:
    return {ref: Called(ref, "blueprints.blueprint", {"ref": ref}) for ref in refs}


def _simple(table: Any, endpoint: str) -> Namer:
    return _found_by(select(table.ref, table.name, table.ref), endpoint, table.ref)


_people = select(Registration.ref, Candidate.name, Sitting.name, Registration.ref)
_newest = (
    select(Registration.ref)
    .where(Registration.candidate_id == Candidate.id)
    .order_by(Registration.id.desc())
    .limit(1)
    .correlate(Candidate)
    .scalar_subquery()
)
_registered = _found_by(
    _people.join(Candidate, Candidate.id == Registration.candidate_id).join(
        Sitting, Sitting.id == Registration.sitting_id
    ),
    _PERSON,
    Registration.ref,
)


def _registrations(session: Session, refs: Collection[str]) -> dict[str, Called]:
    """Name registrations, and those that were withdrawn by who withdrew, with the page of that person."""
    found = _registered(session, refs)
    gone = set(refs) - found.keys()
    query = (
        select(Withdrawal.registration_ref, Candidate.name, Sitting.name, Candidate.ref, Batch.ref)
        .join(Candidate, Candidate.id == Withdrawal.candidate_id)
        .join(Sitting, Sitting.id == Withdrawal.sitting_id)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .join(Batch, Batch.id == AdmissionTicket.batch_id)
        .where(Withdrawal.registration_ref.in_(gone))
    )
    for ref, name, sitting, person, batch in session.execute(query) if gone else ():
        shown = {"ref": batch, "person": person}
        found[ref] = Called(f"{name}{_SEPARATOR}{sitting}", "batches.people.person", shown)
    return found


NAMERS: dict[str, Namer] = {
    "batch": _simple(Batch, "batches.checklist.batch"),
    "centre": _simple(Centre, "sittings.centres.centre"),
    "room": _simple(Room, "sittings.centres.room"),
    "seat": _seats,
    "sitting": _found_by(
        select(Sitting.ref, Batch.name, Sitting.name, Sitting.ref).join(Batch, Batch.id == Sitting.batch_id),
        _SITTING,
        Sitting.ref,
    ),
    "sitting_room": _found_by(
        select(SittingRoom.ref, Sitting.name, Room.name, Sitting.ref)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id),
        _SITTING,
        SittingRoom.ref,
    ),
    "registration": _registrations,
    "attempt": _found_by(
        select(Attempt.ref, Candidate.name, Sitting.name, Registration.ref)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Sitting, Sitting.id == Registration.sitting_id),
        _PERSON,
        Attempt.ref,
    ),
    "candidate": _found_by(select(Candidate.ref, Candidate.name, _newest), _PERSON, Candidate.ref),
    "item": _items,
    "item_bank": _simple(ItemBank, "bank.bank"),
    "blueprint": _blueprints,
    "approval": _approvals,
    "member_unit": _simple(MemberUnit, "enrolment.units.unit"),
    "certificate": _found_by(
        select(Certificate.ref, Certificate.number, Certificate.name, Certificate.ref),
        "certificates.certificate",
        Certificate.ref,
    ),
    "upload_mapping": _simple(UploadMapping, "certificates.uploads.mapping"),
    "destruction": _found_by(
        select(Destruction.ref, Batch.name, Destruction.ref).join(Batch, Batch.id == Destruction.batch_id),
        "retention.destruction",
        Destruction.ref,
    ),
    "unit_agreement": _found_by(
        select(UnitAgreement.ref, UnitAgreement.number, MemberUnit.name, UnitAgreement.ref).join(
            MemberUnit, MemberUnit.id == UnitAgreement.unit_id
        ),
        "enrolment.agreements.agreement",
        UnitAgreement.ref,
    ),
    "unit_application": _found_by(
        select(UnitApplication.ref, UnitApplication.ref, MemberUnit.name, UnitApplication.ref).join(
            MemberUnit, MemberUnit.id == UnitApplication.unit_id
        ),
        "enrolment.applications.application",
        UnitApplication.ref,
    ),
    "fee_payment": _found_by(
        select(FeePayment.ref, FeePayment.ref, MemberUnit.name, FeePayment.ref).join(
            MemberUnit, MemberUnit.id == FeePayment.unit_id
        ),
        "enrolment.fees.payment",
        FeePayment.ref,
    ),
    "day": _days,
    "office_major": _found_by(
        select(OfficeMajor.ref, OfficeMajor.name, OfficeMajor.occupation, OfficeMajor.ref),
        "",
        OfficeMajor.ref,
    ),
    "applicant": _found_by(
        select(Applicant.ref, Applicant.name, MemberUnit.name, UnitApplication.ref)
        .join(UnitApplication, UnitApplication.id == Applicant.application_id)
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id),
        "enrolment.applications.application",
        Applicant.ref,
    ),
}


def _sittings(session: Session, chosen: str) -> list[tuple[str, str]]:
    newest = select(Sitting.id).order_by(Sitting.id.desc()).limit(MOST_SITTINGS).subquery()
    query = (
        select(Sitting.ref, Batch.name, Sitting.name)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(or_(Sitting.id.in_(select(newest.c.id)), Sitting.ref == chosen))
        .order_by(Sitting.id.desc())
    )
    return [(ref, f"{batch}{_SEPARATOR}{name}") for ref, batch, name in session.execute(query)]


def _of_sitting(ref: str) -> CompoundSelect[str]:
    sitting = select(Sitting.id).where(Sitting.ref == ref).scalar_subquery()

    def said(kind: str, of: Any) -> Any:
        return literal(f"{kind}:") + of

    return union_all(
        select(said("sitting", Sitting.ref)).where(Sitting.ref == ref),
        select(said("sitting_room", SittingRoom.ref)).where(SittingRoom.sitting_id == sitting),
        select(said("registration", Registration.ref)).where(Registration.sitting_id == sitting),
        select(said("registration", Withdrawal.registration_ref)).where(Withdrawal.sitting_id == sitting),
        select(said("attempt", Attempt.ref))
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting),
    )


LOG_NAMES = LogNames(NAMERS, _sittings, _of_sitting)
"""How the log of the accounts room calls what the rooms after it put on record."""
