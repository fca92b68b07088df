"""Member units and their clerks: found, entered, put right, left, and given logins of their own.

Whatever a clerk is shown or does begins at `own_unit`: no address names another unit.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.staff import (
    disable_staff,
    enable_staff,
    new_staff,
    reset_password,
    shut_out,
    with_one_time_password,
)
from cbt.audit.chain import record
from cbt.enrolment.models import MemberUnit, UnitAgreement, UnitClerk
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line, required
from cbt.rules.enrolment.member_units import credit_code_flaw, normalise_credit_code
from cbt.rules.roles import Role
from cbt.storage.crypto import readable, seal
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

UNIT_PAGE = 50


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of the list, and the last day of what is agreed with it; None where nothing is."""

    unit: MemberUnit
    agreed_until: date | None


def unit_by_ref(session: Session, ref: str) -> MemberUnit:
    """Return the unit; raise NotFound("unit.unknown")."""
    return MemberUnit.by_ref(session, ref, unknown="unit.unknown")


def unit_by_code(session: Session, credit_code: str) -> MemberUnit | None:
    """Return the unit of a credit code in capitals."""
    return session.scalar(select(MemberUnit).where(MemberUnit.credit_code == credit_code))


def unit_page(session: Session, *, text: str, page: int) -> ListPage[UnitLine]:
    """Return a page of the units whose name, credit code or contact holds `text`: members first, by name."""
    wanted = f"%{_escaped(text)}%"
    condition = (
        or_(*(column.ilike(wanted, escape="\\") for column in _SEARCHED))
        if text
        else MemberUnit.id.is_not(None)
    )
    count = session.scalar(select(func.count()).select_from(MemberUnit).where(condition)) or 0
    span = PageSpan(count, UNIT_PAGE, page)
    until = (
        select(func.max(func.coalesce(UnitAgreement.ended_on, UnitAgreement.last_on)))
        .where(UnitAgreement.unit_id == MemberUnit.id)
        .correlate(MemberUnit)
        .scalar_subquery()
    )
    query = select(MemberUnit, until).where(condition)
    query = query.order_by(MemberUnit.left_at.is_not(None), MemberUnit.name, MemberUnit.id)
    return span.of([UnitLine(unit, day) for unit, day in session.execute(span.cut(query))], text=text)


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
    clerk = session.scalar(
        select(Staff)
        .join(UnitClerk, UnitClerk.staff_id == Staff.id)
        .where(UnitClerk.unit_id == unit.id, Staff.ref == staff_ref)
    )
    if clerk is None:
        raise NotFound("unit.no_clerk")
    return clerk


def own_unit(session: Session, staff_id: int) -> MemberUnit:
    """Return the unit whose clerk somebody is; raise NotFound("unit.none_of_yours") for anybody else.

    Whatever a clerk is shown or does begins here: no address names another unit.

    Source: R-70.
    """
    unit = session.scalar(
        select(MemberUnit)
        .join(UnitClerk, UnitClerk.unit_id == MemberUnit.id)
        .where(UnitClerk.staff_id == staff_id)
    )
    if unit is None:
        raise NotFound("unit.none_of_yours")
    return unit


UNIT_PHONE = "unit_phone"
_ADDRESS, _NOTE = 200, 500


@dataclass(frozen=True, slots=True)
class UnitForm:
    """What is typed of a unit."""

    name: str
    credit_code: str
    contact: str
    phone: str
    address: str
    note: str


def add_unit(form: UnitForm, *, now: datetime, actor: str) -> str:
    """Enter a unit and return its ref.

    Raise InvalidInput("unit.name"|"unit.contact"|"unit.phone"|"unit.too_long"|"text.unseen") and those of the
    credit code, Conflict("unit.code_taken").

    Source: R-70.
    """
    facts = _read(form)
    try:
        with unit_of_work() as session:
            _refuse_twice(session, facts["credit_code"])
            unit = MemberUnit(ref=new_ref("un", 10), created_at=now, **facts)
            session.add(unit)
            session.flush()
            record(session, at=now, actor=actor, act="unit.create", subject=unit.logged_as, after=_said(unit))
            return unit.ref
    except IntegrityError as error:
        raise _taken(facts["credit_code"]) from error


def change_unit(ref: str, form: UnitForm, *, now: datetime, actor: str) -> None:
    """Put right what is known of a unit; what does not change is not put on record. Raise like `add_unit`."""
    facts = _read(form)
    try:
        with unit_of_work() as session:
            unit = unit_by_ref(session, ref)
            if unit.credit_code != facts["credit_code"]:
                _refuse_twice(session, facts["credit_code"])
            before, private = _said(unit), _private(unit)
            if one_line(form.phone, "phone") == phone_of(unit):
                del facts["phone_sealed"]
            for column, value in facts.items():
                setattr(unit, column, value)
            others = [name for name, value in _private(unit).items() if value != private[name]]
            after = _said(unit) | ({"changed": others} if others else {})
            if after != before:
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="unit.change",
                    subject=unit.logged_as,
                    before=before,
                    after=after,
                )
    except IntegrityError as error:
        raise _taken(facts["credit_code"]) from error


def set_membership(ref: str, *, member: bool, now: datetime, actor: str) -> None:
    """Note that a unit is no member any more, or is one again; a repeat changes nothing.

    Its clerks are shut out when it leaves; whoever of them is to come back is let in one by one.
    """
    with unit_of_work() as session:
        unit = unit_by_ref(session, ref)
        if (unit.left_at is None) == member:
            return
        unit.left_at = None if member else now
        if member:
            record(session, at=now, actor=actor, act="unit.rejoin", subject=unit.logged_as)
            return
        for clerk in clerks_of(session, unit):
            shut_out(session, clerk, now=now, actor=actor)
        record(session, at=now, actor=actor, act="unit.leave", subject=unit.logged_as)


def invite_clerk(
    ref: str, *, login: str, name: str, now: datetime, actor: str, rng: random.Random | None = None
) -> Issued:
    """Give somebody of a unit a login and return it with the one-time password, which is kept nowhere.

    Raise Conflict("unit.left") for a unit that is no member, and what `create_staff` raises.

    Source: R-70.
    """
    password, password_hash = with_one_time_password(rng)
    with unit_of_work() as session:
        clerk = new_clerk(
            session, ref, login=login, name=name, password_hash=password_hash, now=now, actor=actor
        )
        login = clerk.login
    return Issued(login, password)


def new_clerk(
    session: Session,
    ref: str,
    *,
    login: str,
    name: str,
    password_hash: str,
    now: datetime,
    actor: str,
    list_ref: str = "",
) -> Staff:
    """Add a clerk of a unit within a transaction of the caller's; raise like `invite_clerk`."""
    unit = unit_by_ref(session, ref)
    if unit.left_at is not None:
        raise Conflict("unit.left", name=unit.name)
    clerk = new_staff(
        session,
        login=login,
        name=name,
        roles=[Role.UNIT_CLERK],
        password_hash=password_hash,
        now=now,
        actor=actor,
        list_ref=list_ref,
    )
    session.add(UnitClerk(staff_id=clerk.id, unit_id=unit.id))
    after = {"staff": clerk.logged_as}
    record(session, at=now, actor=actor, act="unit.invite", subject=unit.logged_as, after=after)
    return clerk


def change_clerk(ref: str, staff_ref: str, act: str, *, now: datetime, actor: str) -> Issued | None:
    """Disable or enable one of a unit's clerks, or give a new one-time password, which is returned.

    Raise NotFound("unit.no_clerk") for anybody else, Conflict("unit.left") for letting in whose unit has left,
    InvalidInput("web.bad_request") for another act.
    """
    with reading() as session:
        unit = unit_by_ref(session, ref)
        clerk = clerk_of(session, unit, staff_ref)
        login, left = clerk.login, unit.left_at is not None
    if act == "disable":
        disable_staff(ref=staff_ref, now=now, actor=actor)
        return None
    if act not in {"enable", "reset"}:
        raise InvalidInput("web.bad_request")
    if left:
        raise Conflict("unit.left", name=unit.name)
    if act == "enable":
        enable_staff(ref=staff_ref, now=now, actor=actor)
        return None
    return Issued(login, reset_password(login=login, now=now, actor=actor))


@dataclass(frozen=True, slots=True)
class Issued:
    """A login and its one-time password, which is shown once."""

    login: str
    password: str


@dataclass(frozen=True, slots=True)
class UnitDetails:
    """A unit as its page shows it: the phone in the open, and who of its own has a login."""

    unit: MemberUnit
    phone: str | None
    clerks: list[Staff]


def details(session: Session, ref: str) -> UnitDetails:
    """Return what is known of a unit; `phone` is None where the key does not open it."""
    unit = unit_by_ref(session, ref)
    return UnitDetails(unit, phone_of(unit), list(clerks_of(session, unit)))


def phone_of(unit: MemberUnit) -> str | None:
    """Return the phone of whom to ask, "" for none, None where the key does not open it."""
    return readable(unit.phone_sealed, UNIT_PHONE) if unit.phone_sealed else ""


def _read(form: UnitForm) -> dict[str, Any]:
    phone = one_line(form.phone, "phone")
    if len(phone) > 30 or (phone and sum(sign.isdigit() for sign in phone) < 7):
        raise InvalidInput("unit.phone", field="phone")
    return {
        "name": required(form.name, "unit.name", "name"),
        "credit_code": _credit_code(form.credit_code),
        "contact": required(form.contact, "unit.contact", "contact", limit=60),
        "phone_sealed": seal(phone, UNIT_PHONE) if phone else None,
        "address": _short(form.address, "address", _ADDRESS),
        "note": _short(form.note, "note", _NOTE),
    }


def _credit_code(text: str) -> str:
    """Return a credit code as it is kept; raise InvalidInput("unit.code_…") that says what is wrong where."""
    flaw = credit_code_flaw(text)
    if flaw is not None:
        raise InvalidInput(
            f"unit.code_{flaw.fault}", field="credit_code", place=flaw.place, found=flaw.found[:40]
        )
    return normalise_credit_code(text)


def _short(text: str, field: str, most: int) -> str:
    plain = one_line(text, field)
    if len(plain) > most:
        raise InvalidInput("unit.too_long", field=field, maximum=most)
    return plain


def _refuse_twice(session: Session, credit_code: str) -> None:
    if unit_by_code(session, credit_code) is not None:
        raise _taken(credit_code)


def _taken(credit_code: str) -> Conflict:
    return Conflict("unit.code_taken", field="credit_code", taken=credit_code)


def _said(unit: MemberUnit) -> dict[str, Any]:
    return {"name": unit.name, "credit_code": unit.credit_code, "address": unit.address}


def _private(unit: MemberUnit) -> dict[str, Any]:
    """Return what the log says no more of than that it changed: it names people."""
    return {"contact": unit.contact, "phone": unit.phone_sealed, "note": unit.note}
