"""Use cases: an agreement is made, or ended before its term (R-71)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.agreements import store
from cbt.enrolment.agreements.models import UnitAgreement
from cbt.enrolment.body.service import body
from cbt.enrolment.units.store import unit_by_ref
from cbt.errors import Conflict, InvalidInput
from cbt.rules.enrolment.agreement import AgreementTerm
from cbt.web.refs import new_ref
from cbt.web.texts import one_line, required

EARLIEST = date(2015, 1, 1)
"""No agreement on assessing levels is older; what is earlier was typed wrongly."""
_NOTE = 500


@dataclass(frozen=True, slots=True)
class AgreementForm:
    """What is typed of an agreement; an empty number has one given."""

    number: str
    effective_on: date
    unit_signer: str
    body_signer: str
    note: str


def make_agreement(unit_ref: str, form: AgreementForm, *, today: date, now: datetime, actor: str) -> str:
    """Enter an agreement of one year and return its ref.

    Raise Conflict("unit.left"), ("agreement.number_taken"), ("agreement.same_day") for a term that begins on the
    day of another, InvalidInput("agreement.day") for a day that cannot be meant,
    ("agreement.unit_signer"|"agreement.body_signer"|"agreement.number"|"unit.too_long").

    Source: R-71.
    """
    if not EARLIEST <= form.effective_on <= date.fromordinal(today.toordinal() + 366):
        raise InvalidInput("agreement.day", field="effective_on", day=form.effective_on.isoformat())
    number = one_line(form.number, "number")
    if len(number) > 40:
        raise InvalidInput("agreement.number", field="number", maximum=40)
    unit_signer = required(form.unit_signer, "agreement.unit_signer", "unit_signer", limit=60)
    body_signer = required(form.body_signer, "agreement.body_signer", "body_signer", limit=60)
    note = one_line(form.note, "note")
    if len(note) > _NOTE:
        raise InvalidInput("unit.too_long", field="note", maximum=_NOTE)
    try:
        with unit_of_work() as session:
            unit = unit_by_ref(session, unit_ref)
            if unit.left_at is not None:
                raise Conflict("unit.left", name=unit.name)
            if any(one.effective_on == form.effective_on for one in store.agreements_of(session, unit)):
                raise Conflict("agreement.same_day", field="effective_on", day=form.effective_on.isoformat())
            number = number or _next_number(session, form.effective_on.year)
            _refuse_twice(session, number)
            made = UnitAgreement(
                ref=new_ref("ag", 10),
                unit_id=unit.id,
                number=number,
                effective_on=form.effective_on,
                last_on=AgreementTerm(form.effective_on).last_on,
                body_name=body(session).name,
                unit_signer=unit_signer,
                body_signer=body_signer,
                note=note,
                made_at=now,
                made_by=actor,
                end_reason="",
            )
            session.add(made)
            session.flush()
            after = {
                "unit": unit.ref,
                "number": number,
                "from": made.effective_on.isoformat(),
                "to": made.last_on.isoformat(),
            }
            record(session, at=now, actor=actor, act="agreement.make", subject=made.logged_as, after=after)
            return made.ref
    except IntegrityError as error:
        raise _taken(number) from error


def end_agreement(ref: str, *, last: date, reason: str, now: datetime, actor: str) -> None:
    """End an agreement before its term; `last` is the last day on which it is in force.

    Raise InvalidInput("agreement.no_reason"), ("agreement.end_day") unless that day lies within the term,
    Conflict("agreement.ended") for one that was ended already.

    Source: R-71.
    """
    reason = required(reason, "agreement.no_reason", "reason", limit=_NOTE)
    with unit_of_work() as session:
        agreement = store.agreement_by_ref(session, ref).agreement
        if agreement.ended_on is not None:
            raise Conflict("agreement.ended", number=agreement.number)
        if not agreement.effective_on <= last < agreement.last_on:
            raise InvalidInput(
                "agreement.end_day",
                field="last",
                first=agreement.effective_on.isoformat(),
                last=agreement.last_on.isoformat(),
            )
        agreement.ended_on, agreement.end_reason = last, reason
        record(
            session,
            at=now,
            actor=actor,
            act="agreement.end",
            subject=agreement.logged_as,
            reason=reason,
            before={"to": agreement.last_on.isoformat()},
            after={"to": last.isoformat()},
        )


def _next_number(session: Session, year: int) -> str:
    """Return the number after the largest that was given for a year: 2026-001."""
    given = session.scalars(select(UnitAgreement.number).where(UnitAgreement.number.like(f"{year}-%")))
    ends = (number.partition("-")[2] for number in given)
    return f"{year}-{max((int(end) for end in ends if end.isdigit() and len(end) < 7), default=0) + 1:03d}"


def _refuse_twice(session: Session, number: str) -> None:
    if session.scalar(select(UnitAgreement.id).where(UnitAgreement.number == number)) is not None:
        raise _taken(number)


def _taken(number: str) -> Conflict:
    return Conflict("agreement.number_taken", field="number", number=number)
