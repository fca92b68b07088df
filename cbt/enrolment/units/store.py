"""Queries of the member units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.enrolment.agreements.models import UnitAgreement
from cbt.enrolment.units.models import MemberUnit, UnitClerk
from cbt.errors import NotFound

UNIT_PAGE = 50


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of the list, and the last day of what is agreed with it; None where nothing is."""

    unit: MemberUnit
    agreed_until: date | None


@dataclass(frozen=True, slots=True)
class UnitListPage:
    """A page of the units that were looked for; `count` is how many were found."""

    units: Sequence[UnitLine]
    text: str
    count: int
    page: int
    pages: int


def unit_by_ref(session: Session, ref: str) -> MemberUnit:
    """Return the unit; raise NotFound("unit.unknown")."""
    return MemberUnit.by_ref(session, ref, unknown="unit.unknown")


def unit_by_code(session: Session, credit_code: str) -> MemberUnit | None:
    """Return the unit of a credit code in capitals."""
    return session.scalar(select(MemberUnit).where(MemberUnit.credit_code == credit_code))


def unit_page(session: Session, *, text: str, page: int) -> UnitListPage:
    """Return a page of the units whose name, credit code or contact holds `text`: members first, by name."""
    wanted = f"%{_escaped(text)}%"
    found = (
        or_(*(column.ilike(wanted, escape="\\") for column in _SEARCHED))
        if text
        else MemberUnit.id.is_not(None)
    )
    count = session.scalar(select(func.count()).select_from(MemberUnit).where(found)) or 0
    pages = max(1, -(-count // UNIT_PAGE))
    page = min(page, pages)
    until = (
        select(func.max(func.coalesce(UnitAgreement.ended_on, UnitAgreement.last_on)))
        .where(UnitAgreement.unit_id == MemberUnit.id)
        .correlate(MemberUnit)
        .scalar_subquery()
    )
    rows = session.execute(
        select(MemberUnit, until)
        .where(found)
        .order_by(MemberUnit.left_at.is_not(None), MemberUnit.name, MemberUnit.id)
        .limit(UNIT_PAGE)
        .offset((page - 1) * UNIT_PAGE)
    )
    return UnitListPage([UnitLine(unit, day) for unit, day in rows], text, count, page, pages)


_SEARCHED = (MemberUnit.name, MemberUnit.credit_code, MemberUnit.contact)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def clerks_of(session: Session, unit: MemberUnit) -> Sequence[Staff]:
    """Return who of a unit has a login, those who may sign in first."""
    return session.scalars(
        select(Staff)
        .join(UnitClerk, UnitClerk.staff_id == Staff.id)
        .where(UnitClerk.unit_id == unit.id)
        .order_by(Staff.disabled_at.is_not(None), Staff.login)
    ).all()


def clerk_of(session: Session, unit: MemberUnit, staff_ref: str) -> Staff:
    """Return one of a unit's clerks; raise NotFound("unit.no_clerk") for anybody else."""
    found = session.scalar(
        select(Staff)
        .join(UnitClerk, UnitClerk.staff_id == Staff.id)
        .where(UnitClerk.unit_id == unit.id, Staff.ref == staff_ref)
    )
    if found is None:
        raise NotFound("unit.no_clerk")
    return found


def own_unit(session: Session, staff_id: int) -> MemberUnit:
    """Return the unit whose clerk somebody is; raise NotFound("unit.none_of_yours") for anybody else.

    Whatever a clerk is shown or does begins here: no address names another unit.

    Source: R-70.
    """
    found = session.scalar(
        select(MemberUnit)
        .join(UnitClerk, UnitClerk.unit_id == MemberUnit.id)
        .where(UnitClerk.staff_id == staff_id)
    )
    if found is None:
        raise NotFound("unit.none_of_yours")
    return found
