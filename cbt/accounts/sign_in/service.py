"""Use cases of signing in: in and out, and a new password."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import flask
from sqlalchemy import bindparam, select

from cbt.accounts import store
from cbt.accounts.models import Staff, StaffFactor
from cbt.accounts.sign_in import logins, passwords
from cbt.audit import tally
from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import InvalidInput, NotAllowed
from cbt.web.who import throttle
from cbt.web.who.login import Principal
from cbt.web.who.machine import Machine
from cbt.web.who.opening import revoke_login
from cbt.web.who.unknown_names import UnknownNames

log = logging.getLogger(__name__)
SIGN_IN = "staff"
"""The throttle's name for tries at a staff login."""
_SECRET_OF = select(Staff.ref, Staff.password_hash, Staff.disabled_at).where(
    Staff.login == bindparam("login")
)
"""As columns: with their roles, a login that is there would take two queries more than one that is not."""


@dataclass(frozen=True, slots=True)
class StaffSignIn:
    """The token of what was opened, and whether a code of the second factor has to follow."""

    token: str
    wants_code: bool


def sign_in(
    *,
    login: str,
    password: str,
    machine: Machine,
    now: datetime,
    former: Principal | None = None,
) -> StaffSignIn:
    """Open a login session, or a half one where a second factor is set up; end what this browser had before.

    Raise NotAllowed("sign_in.wrong") without saying which half was wrong, ("sign_in.once_over") for a one-time
    password of more than 72 hours, TooMany while throttled; known and unknown logins count alike, and are verified
    alike. An address from which many unknown ones were tried goes slowly where the machine is not known. A password
    is verified outside the unit of work: it takes tens of milliseconds and others would wait.

    Source: R-14, R-62.
    """
    login = login.strip().casefold()[:60]
    unknown: UnknownNames = flask.current_app.extensions["cbt_unknown_names"]
    if unknown.used_up(machine.address, now=now) and not throttle.is_known(
        scope=SIGN_IN, subject=login, machine=machine.identity
    ):
        unknown.take_turn(machine.address, now=now)
    throttle.reserve(scope=SIGN_IN, subject=login, machine=machine.identity, now=now, address=machine.address)
    with reading() as session:
        row = session.execute(_SECRET_OF, {"login": login}).one_or_none()
    password_hash = row.password_hash if row is not None and row.disabled_at is None else None
    right = passwords.matches(password_hash, password)
    with unit_of_work() as session:
        staff = store.staff_by_login(session, login) if right else None
        if staff is not None and staff.disabled_at is None and staff.password_hash == password_hash:
            throttle.succeed(session, scope=SIGN_IN, subject=login, machine=machine.identity)
            _refuse_old_slip(staff, now=now)
            logins.end_former(session, former, now=now)
            wants_code = session.get(StaffFactor, staff.id) is not None
            if not wants_code:
                logins.note_sign_in(session, staff, now=now)
            opened = logins.open_half if wants_code else logins.open_staff
            return StaffSignIn(opened(session, staff, machine=machine, now=now), wants_code)
        # Who tries is not known, and a name that is nobody's is no subject: all of those are one.
        subject = f"staff:{row.ref}" if row is not None else "staff:unknown"
        tally.count(session, at=now, actor="anonymous", act=logins.SIGN_IN_FAILED, subject=subject)
    if row is None:
        unknown.note(machine.address, now=now)
    log.warning("a staff sign-in was refused")
    raise NotAllowed("sign_in.wrong")


def _refuse_old_slip(staff: Staff, *, now: datetime) -> None:
    issued = staff.password_issued_at
    if staff.must_change_password and issued is not None and now >= issued + passwords.ONE_TIME_LASTS:
        raise NotAllowed("sign_in.once_over", hours=int(passwords.ONE_TIME_LASTS.total_seconds()) // 3600)


def sign_out(principal: Principal, *, now: datetime) -> None:
    """End this login session on the server."""
    subject = f"staff:{principal.subject_ref}"
    with unit_of_work() as session:
        revoke_login(session, login_session_id=principal.login_session_id, now=now)
        record(session, at=now, actor=subject, act="staff.sign_out", subject=subject)


def change_password(principal: Principal, *, old: str, new: str, machine: Machine, now: datetime) -> str:
    """Set a new password, end every login session of this person and return the token of a fresh one.

    Raise InvalidInput("password.old_wrong"|"password.same") or as `check_password` does, and TooMany while
    throttled: a browser left open must not become a place to guess at.
    """
    mine = f"login:{principal.login_session_id}"
    throttle.reserve(scope="password", subject=principal.subject_ref, machine=mine, now=now)
    with reading() as session:
        staff = store.staff_by_ref(session, principal.subject_ref)
    right = passwords.matches(staff.password_hash, old)
    if right:
        with unit_of_work() as session:  # it was no guess, whatever becomes of the new one
            throttle.succeed(session, scope="password", subject=principal.subject_ref, machine=mine)
        if old == new:
            raise InvalidInput("password.same", field="new")
        passwords.check_password(new, login=staff.login, name=staff.name)
    new_hash = passwords.hash_password(new) if right else ""
    with unit_of_work() as session:
        if right:
            staff = store.staff_by_ref(session, principal.subject_ref)
            staff.password_hash, staff.must_change_password = new_hash, False
            staff.password_issued_at = None
            logins.end_all(session, staff.ref, now=now)
            record(
                session,
                at=now,
                actor=f"staff:{staff.ref}",
                act="staff.password",
                subject=f"staff:{staff.ref}",
            )
            return logins.open_staff(session, staff, machine=machine, now=now)
    raise InvalidInput("password.old_wrong", field="old")
