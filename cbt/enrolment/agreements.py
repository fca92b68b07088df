"""Agreements with member units: listed by when they run out, entered, ended early, and as paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.enrolment.body import issuing_body
from cbt.enrolment.models import MemberUnit, UnitAgreement
from cbt.enrolment.units import unit_by_ref
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import one_line, required
from cbt.rules.enrolment.member_units import WARNED_DAYS, AgreementStanding, AgreementTerm
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

AGREEMENT_PAGE = 50


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """An agreement and whose it is."""

    agreement: UnitAgreement
    unit: MemberUnit


def term_of(agreement: UnitAgreement) -> AgreementTerm:
    return AgreementTerm(agreement.effective_on, ended_on=agreement.ended_on)


def agreement_by_ref(session: Session, ref: str) -> AgreementLine:
    """Return an agreement and its unit; raise NotFound("agreement.unknown")."""
    agreement = UnitAgreement.by_ref(session, ref, unknown="agreement.unknown")
    return AgreementLine(agreement, session.get_one(MemberUnit, agreement.unit_id))


def agreements_of(session: Session, unit: MemberUnit) -> Sequence[UnitAgreement]:
    """Return the agreements of a unit, the newest first."""
    return session.scalars(
        select(UnitAgreement)
        .where(UnitAgreement.unit_id == unit.id)
        .order_by(UnitAgreement.effective_on.desc(), UnitAgreement.id.desc())
    ).all()


def kinds_on(today: date) -> dict[str, ColumnElement[bool]]:
    """Return what picks the agreements of each kind: those that run out in 7, 30 and 60 days, and the others.

    A unit whose next term is agreed already is not told of as one that runs out.

    Source: R-71.
    """
    last = func.coalesce(UnitAgreement.ended_on, UnitAgreement.last_on)
    later = select(UnitAgreement).subquery()
    renewed = (
        select(later.c.id)
        .where(
            later.c.unit_id == UnitAgreement.unit_id,
            later.c.effective_on > UnitAgreement.effective_on,
            later.c.last_on > last,
            later.c.ended_on.is_(None),
        )
        .exists()
    )
    member = MemberUnit.left_at.is_(None)
    runs_out = {
        f"in_{days}": and_(last >= today, last <= within, ~renewed, member)
        for days, within in ((days, date.fromordinal(today.toordinal() + days)) for days in WARNED_DAYS)
    }
    return runs_out | {
        "in_force": and_(last >= today, UnitAgreement.effective_on <= today),
        "not_yet": UnitAgreement.effective_on > today,
        "over": last < today,
    }


def agreement_page(session: Session, *, today: date, kind: str, page: int) -> ListPage[AgreementLine]:
    """Return a page of the agreements of a kind, all of them for "", those first whose term ends first."""
    kinds = kinds_on(today)
    joined = select(
        *(func.count().filter(picked).label(name) for name, picked in kinds.items()), func.count()
    )
    *each, every = session.execute(
        joined.select_from(UnitAgreement).join(MemberUnit, MemberUnit.id == UnitAgreement.unit_id)
    ).one()
    counts = {"": every} | dict(zip(kinds, each, strict=True))
    kind = kind if kind in counts else ""
    span = PageSpan(counts[kind], AGREEMENT_PAGE, page)
    last = func.coalesce(UnitAgreement.ended_on, UnitAgreement.last_on)
    query = select(UnitAgreement, MemberUnit).join(MemberUnit, MemberUnit.id == UnitAgreement.unit_id)
    if kind:
        query = query.where(kinds[kind])
    order = last.desc() if kind in {"", "over"} else last
    rows = session.execute(span.cut(query.order_by(order, UnitAgreement.id)))
    return span.of([AgreementLine(*row) for row in rows], kind=kind, counts=counts)


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement as it stands on a day; `days` are left after it, `soon` is within how many it runs out."""

    row: UnitAgreement
    standing: AgreementStanding
    last: date
    days: int
    soon: int | None


def agreement_lines(rows: Sequence[UnitAgreement], today: date) -> list[AgreementView]:
    return [shown(row, today) for row in rows]


def shown(row: UnitAgreement, today: date) -> AgreementView:
    term = term_of(row)
    return AgreementView(
        row, term.standing(today), term.last_on, term.days_left(today), term.expires_within(today)
    )


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
            if any(one.effective_on == form.effective_on for one in agreements_of(session, unit)):
                raise Conflict("agreement.same_day", field="effective_on", day=form.effective_on.isoformat())
            number = number or _next_number(session, form.effective_on.year)
            _refuse_twice(session, number)
            made = UnitAgreement(
                ref=new_ref("ag", 10),
                unit_id=unit.id,
                number=number,
                effective_on=form.effective_on,
                last_on=AgreementTerm(form.effective_on).last_on,
                body_name=issuing_body(session).name,
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
        agreement = agreement_by_ref(session, ref).agreement
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
    numbers = session.scalars(select(UnitAgreement.number).where(UnitAgreement.number.like(f"{year}-%")))
    ends = (number.partition("-")[2] for number in numbers)
    return f"{year}-{max((int(end) for end in ends if end.isdigit() and len(end) < 7), default=0) + 1:03d}"


def _refuse_twice(session: Session, number: str) -> None:
    if session.scalar(select(UnitAgreement.id).where(UnitAgreement.number == number)) is not None:
        raise _taken(number)


def _taken(number: str) -> Conflict:
    return Conflict("agreement.number_taken", field="number", number=number)


_CLAUSES = {"work": 6, "term": 1, "breach": 3, "more": 1, "copies": 1}
"""The parts of the agreement in their order, and how many points each has."""


def agreement_paper(agreement: UnitAgreement, unit: MemberUnit) -> dict[str, Any]:
    """Return what the paper says. Source: R-71, Annex 3."""
    fields = {
        "body": agreement.body_name,
        "unit": unit.name,
        "first": _day(agreement.effective_on),
        "last": _day(agreement.last_on),
    }
    return {
        "title": _("enrolment.paper.agreement"),
        "foot": f"{agreement.number} · {unit.name}",
        "number": agreement.number,
        "parties": [
            [_("enrolment.paper.body"), agreement.body_name],
            [_("enrolment.paper.unit"), unit.name],
            [_("enrolment.unit.credit_code"), unit.credit_code],
        ],
        "opening": _("enrolment.paper.opening", **fields),
        "parts": [
            {
                "head": _(f"enrolment.paper.{part}"),
                "points": [_(f"enrolment.paper.{part}.{point}", **fields) for point in range(1, points + 1)],
            }
            for part, points in _CLAUSES.items()
        ],
        "signing": [
            {"seal": _(f"enrolment.paper.{side}.seal"), "name": name, "signer": signer}
            for side, name, signer in (
                ("body", agreement.body_name, agreement.body_signer),
                ("unit", unit.name, agreement.unit_signer),
            )
        ],
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "number": _("enrolment.agreement.number"),
            "signature": _("enrolment.paper.signature"),
            "represented": _("enrolment.paper.represented"),
            "day": _("enrolment.paper.day"),
            "numerals": _("enrolment.paper.numerals"),
        },
    }


def _day(day: date) -> str:
    return str(_("enrolment.paper.date", year=day.year, month=day.month, day=day.day))
