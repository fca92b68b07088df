"""A code of the second factor is judged, and used up when it counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.factors import codes
from cbt.accounts.models import RecoveryCode, Staff, StaffFactor
from cbt.accounts.sign_in import passwords
from cbt.db.private.sealing import open_sealed
from cbt.db.unit_of_work import reading
from cbt.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from cbt.web.who import throttle
from cbt.web.who.login import Principal
from cbt.web.who.machine import Machine

log = logging.getLogger(__name__)
SCOPE = "factor"


@dataclass(frozen=True, slots=True)
class Proof:
    """A code that is right, and what is used up when it counts: a time step, or the number of a recovery code."""

    step: int | None = None
    number: int | None = None


def reserved(principal: Principal, *, machine: Machine, now: datetime) -> Staff:
    """Count a try of this person before anything is verified, and return them."""
    with reading() as session:
        staff = store.staff_by_ref(session, principal.subject_ref)
    throttle.reserve(scope=SCOPE, subject=staff.login, machine=machine.identity, now=now)
    return staff


def prove(
    principal: Principal, *, password: str, code: str, machine: Machine, now: datetime
) -> tuple[Staff, Proof]:
    """Count a try, then judge password and code together; raise InvalidInput("factor.password") and as `judge`."""
    staff = reserved(principal, machine=machine, now=now)
    if not passwords.matches(staff.password_hash, password):
        raise InvalidInput("factor.password", field="password")
    return staff, judge(staff, code, now=now)


def held(session: Session, ref: str) -> Staff:
    """Return somebody whose second factor nobody else changes until the end of this unit of work."""
    return session.scalars(select(Staff).where(Staff.ref == ref).with_for_update()).one()


def judge(staff: Staff, code: str, *, now: datetime) -> Proof:
    """Return what a code proves; raise NotAllowed("factor.wrong"), Conflict("factor.none"). Nothing is used up."""
    typed = codes.as_typed(code)
    with reading() as session:
        factor = session.get(StaffFactor, staff.id)
        if factor is None:
            raise Conflict("factor.none")
        if codes.is_app_code(typed):
            step = codes.step_of(_secret(factor, staff), typed, now=now)
            if step is None or step <= factor.last_step:
                raise _refused()
            return Proof(step=step)
        number = int(typed[0]) if typed[:1].isascii() and typed[:1].isdigit() else -1
        row = session.scalar(
            select(RecoveryCode).where(RecoveryCode.staff_id == staff.id, RecoveryCode.number == number)
        )
    if not passwords.matches(row.code_hash if row is not None and row.used_at is None else None, typed):
        raise _refused()
    return Proof(number=number)


def _secret(factor: StaffFactor, staff: Staff) -> str:
    try:
        return open_sealed(factor.secret_sealed, kept(staff))
    except Unavailable as error:
        raise NotAllowed("factor.unreadable", login=staff.login) from error


def spend(session: Session, staff: Staff, proof: Proof, *, now: datetime) -> None:
    """Use a code up: of several requests with the same code, one gets through here."""
    if proof.step is not None:
        spent = session.execute(
            update(StaffFactor)
            .where(StaffFactor.staff_id == staff.id, StaffFactor.last_step < proof.step)
            .values(last_step=proof.step)
        )
    else:
        spent = session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.staff_id == staff.id,
                RecoveryCode.number == proof.number,
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
        )
    if not changed_one(spent):
        raise _refused()


def _refused() -> NotAllowed:
    log.warning("a second factor was refused")
    return NotAllowed("factor.wrong", field="code")


def changed_one(result: object) -> bool:
    """Return whether a conditional update found its row as it was."""
    assert isinstance(result, CursorResult)
    return bool(result.rowcount == 1)


def kept(staff: Staff) -> str:
    """Return what the secret of somebody's second factor is sealed for."""
    return f"factor:{staff.ref}"
