"""The second factor of a staff member: set up, asked for at sign-in, renewed, switched off or reset.

A code is judged first, and used up in the unit of work in which it counts: of several requests with the same
code, one gets through.
"""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

import flask
from flask_babel import gettext
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from cbt.accounts import factor_codes, passwords, sign_in, store
from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Result,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval, RecoveryCode, Staff, StaffFactor
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from cbt.http.auth import throttle
from cbt.http.auth.login import Principal
from cbt.http.auth.machine import Machine
from cbt.http.form_values import required
from cbt.http.models import LoginSession
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.storage.crypto import open_sealed, seal
from cbt.storage.unit_of_work import reading, unit_of_work

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
    typed = factor_codes.as_typed(code)
    with reading() as session:
        factor = session.get(StaffFactor, staff.id)
        if factor is None:
            raise Conflict("factor.none")
        if factor_codes.is_app_code(typed):
            step = factor_codes.step_of(_secret(factor, staff), typed, now=now)
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


def offer(principal: Principal) -> tuple[str, str]:
    """Return a fresh secret, and the same sealed for this login: the page brings it back, nothing is stored."""
    secret = factor_codes.new_secret()
    return secret, urlsafe_b64encode(seal(secret, _offered(principal))).decode()


def offered(principal: Principal, sealed: str) -> str:
    """Return the secret of an offer; raise InvalidInput("factor.offer_over") for another login's."""
    try:
        return open_sealed(urlsafe_b64decode(sealed), _offered(principal))
    except (ValueError, Unavailable) as error:
        raise InvalidInput("factor.offer_over") from error


def enrol(
    principal: Principal, *, secret: str, password: str, code: str, machine: Machine, now: datetime
) -> tuple[str, list[str]]:
    """Set up a second factor; return the token of a fresh login and the recovery codes, which are kept nowhere.

    Every other login of this person ends. Raise InvalidInput("factor.password"|"factor.wrong_code"),
    Conflict("factor.there"), TooMany.
    """
    staff = reserved(principal, machine=machine, now=now)
    if not passwords.matches(staff.password_hash, password):
        raise InvalidInput("factor.password", field="password")
    step = factor_codes.step_of(secret, factor_codes.as_typed(code), now=now)
    if step is None:
        raise InvalidInput("factor.wrong_code", field="code")
    fresh = factor_codes.new_recovery_codes()
    hashes = [passwords.hash_password(factor_codes.as_typed(one)) for one in fresh]
    with unit_of_work() as session:
        staff = held(session, principal.subject_ref)
        if session.get(StaffFactor, staff.id) is not None:
            raise Conflict("factor.there")
        session.add(
            StaffFactor(
                staff_id=staff.id, secret_sealed=seal(secret, kept(staff)), created_at=now, last_step=step
            )
        )
        _keep_codes(session, staff, hashes)
        return _anew(session, staff, act="staff.factor_on", machine=machine, now=now), fresh


def finish_sign_in(principal: Principal, *, code: str, machine: Machine, now: datetime) -> str:
    """Turn a half login into a whole one by a code; return the token of the whole one.

    A code counts once. Raise NotAllowed("factor.wrong") for one that is wrong, old or used,
    ("factor.started_over") when this half login was finished or ended meanwhile, TooMany.

    Source: R-62.
    """
    staff = reserved(principal, machine=machine, now=now)
    proof = judge(staff, code, now=now)
    with unit_of_work() as session:
        staff = held(session, principal.subject_ref)
        spend(session, staff, proof, now=now)
        throttle.succeed(session, scope=SCOPE, subject=staff.login, machine=machine.identity)
        ended = session.execute(
            update(LoginSession)
            .where(LoginSession.id == principal.login_session_id, LoginSession.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        if staff.disabled_at is not None or not changed_one(ended):
            raise NotAllowed("factor.started_over")
        if proof.number is not None:
            record(
                session,
                at=now,
                actor=staff.logged_as,
                act="staff.factor_code",
                subject=staff.logged_as,
                after={"number": proof.number},
            )
        sign_in.note_sign_in(session, staff, now=now)
        return sign_in.open_staff(session, staff, machine=machine, now=now)


def renew_codes(
    principal: Principal, *, password: str, code: str, machine: Machine, now: datetime
) -> tuple[str, list[str]]:
    """Replace the recovery codes; return the token of a fresh login and the new ones. Raises like `switch_off`."""
    staff, proof = prove(principal, password=password, code=code, machine=machine, now=now)
    fresh = factor_codes.new_recovery_codes()
    hashes = [passwords.hash_password(factor_codes.as_typed(one)) for one in fresh]
    with unit_of_work() as session:
        staff = held(session, principal.subject_ref)
        spend(session, staff, proof, now=now)
        _keep_codes(session, staff, hashes)
        return _anew(session, staff, act="staff.factor_codes", machine=machine, now=now), fresh


def switch_off(principal: Principal, *, password: str, code: str, machine: Machine, now: datetime) -> str:
    """Take one's own second factor away; return the token of a fresh login.

    Password and code are asked for again. Raise InvalidInput("factor.password"), NotAllowed("factor.wrong"),
    Conflict("factor.required") where this person must have one, Conflict("factor.none"), TooMany.
    """
    staff, proof = prove(principal, password=password, code=code, machine=machine, now=now)
    with unit_of_work() as session:
        staff = held(session, principal.subject_ref)
        if factor_codes.is_required(session, staff):
            raise Conflict("factor.required")
        spend(session, staff, proof, now=now)
        _forget(session, staff)
        return _anew(session, staff, act="staff.factor_off", machine=machine, now=now)


LONGEST_REASON = 200
COUNTERSIGNERS: frozenset[str] = frozenset({Role.ADMIN, Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who may be second where an administrator takes another's second factor away."""


def reset(*, login: str, reason: str, now: datetime, actor: str) -> None:
    """Take somebody's second factor away at the machine's command line, and end their logins.

    Raise InvalidInput("staff.no_login"|"factor.reason"), Conflict("factor.none").
    """
    why = required(reason, "factor.reason", "reason", limit=LONGEST_REASON)
    with unit_of_work() as session:
        staff = store.staff_by_login(session, login)
        if staff is None:
            raise InvalidInput("staff.no_login", login=login)
        _take_away(session, staff, reason=why, now=now, actor=actor, after={})


def reset_by_two(ref: str, *, reason: str, first: Principal, second: Second | None, now: datetime) -> None:
    """Take somebody's second factor away, whose phone and codes are lost, and end their logins.

    Who did it and when stays on the account: within a day that person may not act as the other. Whose factor it is
    is not the second: nobody vouches for themselves.

    Raise SecondNeeded, InvalidInput("factor.reason"), NotAllowed("factor.own_second"),
    Conflict("factor.none"|"factor.own_reset"), ("approval.changed") where another was set up since it was asked.

    Source: R-62.
    """
    why = required(reason, "factor.reason", "reason", limit=LONGEST_REASON)
    with unit_of_work() as session:
        claim(session, second, now=now)
        staff = held(session, ref)
        if first.logged_as == staff.logged_as:
            raise Conflict("factor.own_reset")
        if second is not None and second.ref == staff.ref:
            raise NotAllowed("factor.own_second")
        factor = session.get(StaffFactor, staff.id)
        seen = digest(f"{staff.ref} {factor.created_at if factor is not None else None}")
        after = {"second": f"staff:{second.ref}"} if second is not None else {}
        _take_away(session, staff, reason=why, now=now, actor=first.logged_as, after=after)
        countersigned(second, roles=COUNTERSIGNERS, seen=seen)
        put_result(session, second, {})


def _take_away(
    session: Session, staff: Staff, *, reason: str, now: datetime, actor: str, after: dict[str, str]
) -> None:
    if session.get(StaffFactor, staff.id) is None:
        raise Conflict("factor.none")
    _forget(session, staff)
    staff.factor_reset_at, staff.factor_reset_by = now, actor
    sign_in.end_all(session, staff.ref, now=now)
    record(
        session,
        at=now,
        actor=actor,
        act="staff.factor_reset",
        subject=staff.logged_as,
        reason=reason,
        after=after or None,
    )


KIND = "factor"


def reset_wish(ref: str, reason: str) -> ApprovalWish:
    """Return the request to take somebody's second factor away."""
    with reading() as session:
        staff = store.staff_by_ref(session, ref)
    return ApprovalWish(
        kind=KIND,
        act="factor_reset",
        subject=staff.logged_as,
        place=str(gettext("accounts.place.people")),
        params=canonical_json({"reason": reason}),
        preview=(
            ("approval.line.whom", "text", f"{staff.name}（{staff.login}）"),
            ("approval.line.reason", "text", " ".join(reason.split())[:LONGEST_REASON]),
        ),
    )


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    reason = json.loads(approval.params)["reason"]
    reset_by_two(_ref_of(approval), reason=reason, first=first, second=second, now=now)


def _ref_of(approval: Approval) -> str:
    return approval.subject.removeprefix("staff:")


def _said(_approval: Approval, _result: Result) -> str:
    return str(gettext("accounts.factor.taken_away"))


def _home(approval: Approval) -> str:
    return flask.url_for("accounts.person", ref=_ref_of(approval))


FACTOR_RESETS = ApprovalKind(KIND, terms_by_roles, _carry_out, _said, _home)


def _anew(session: Session, staff: Staff, *, act: str, machine: Machine, now: datetime) -> str:
    """Record what was changed, end every login of this person and open a fresh one."""
    throttle.succeed(session, scope=SCOPE, subject=staff.login, machine=machine.identity)
    record(session, at=now, actor=staff.logged_as, act=act, subject=staff.logged_as)
    sign_in.end_all(session, staff.ref, now=now)
    session.flush()
    return sign_in.open_staff(session, staff, machine=machine, now=now)


def _keep_codes(session: Session, staff: Staff, hashes: list[str]) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    session.add_all(
        RecoveryCode(staff_id=staff.id, number=number, code_hash=one) for number, one in enumerate(hashes)
    )


def _forget(session: Session, staff: Staff) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    session.execute(delete(StaffFactor).where(StaffFactor.staff_id == staff.id))
    session.expire_all()


def _offered(principal: Principal) -> str:
    return f"factor offer:{principal.subject_ref}:{principal.login_session_id}"
