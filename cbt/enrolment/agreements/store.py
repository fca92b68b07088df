"""Queries of the agreements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cbt.enrolment.agreements.models import UnitAgreement
from cbt.enrolment.units.models import MemberUnit
from cbt.rules.enrolment.agreement import WARNED_DAYS, AgreementTerm

AGREEMENT_PAGE = 50


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """An agreement and whose it is."""

    agreement: UnitAgreement
    unit: MemberUnit


@dataclass(frozen=True, slots=True)
class AgreementListPage:
    """A page of the agreements of one kind; `counts` is how many there are of each kind."""

    lines: Sequence[AgreementLine]
    kind: str
    counts: dict[str, int]
    page: int
    pages: int


def term_of(agreement: UnitAgreement) -> AgreementTerm:
    """Return from when to when an agreement is in force."""
    return AgreementTerm(agreement.effective_on, ended_on=agreement.ended_on)


def agreement_by_ref(session: Session, ref: str) -> AgreementLine:
    """Return an agreement and its unit; raise NotFound("agreement.unknown")."""
    found = UnitAgreement.by_ref(session, ref, unknown="agreement.unknown")
    return AgreementLine(found, session.get_one(MemberUnit, found.unit_id))


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


def agreement_page(session: Session, *, today: date, kind: str, page: int) -> AgreementListPage:
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
    pages = max(1, -(-counts[kind] // AGREEMENT_PAGE))
    page = min(page, pages)
    last = func.coalesce(UnitAgreement.ended_on, UnitAgreement.last_on)
    query = select(UnitAgreement, MemberUnit).join(MemberUnit, MemberUnit.id == UnitAgreement.unit_id)
    if kind:
        query = query.where(kinds[kind])
    order = last.desc() if kind in {"", "over"} else last
    rows = session.execute(
        query.order_by(order, UnitAgreement.id).limit(AGREEMENT_PAGE).offset((page - 1) * AGREEMENT_PAGE)
    )
    return AgreementListPage([AgreementLine(*row) for row in rows], kind, counts, page, pages)
