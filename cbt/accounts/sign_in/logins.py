"""The logins of a staff member: opened, listed for their owner, ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.factors import codes
from cbt.accounts.models import Staff
from cbt.audit import tally
from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.web.who import attention
from cbt.web.who.attention import HALF, KIND
from cbt.web.who.login import Principal
from cbt.web.who.machine import Machine
from cbt.web.who.models import LoginSession
from cbt.web.who.opening import STAFF_LIFETIME, open_login, revoke_login, revoke_logins

SIGN_IN_FAILED = "staff.sign_in_failed"
HALF_LIFETIME = timedelta(minutes=10)
"""Time enough to fetch the phone from the locker."""


def open_staff(session: Session, staff: Staff, *, machine: Machine, now: datetime) -> str:
    """Open a login of somebody who has shown everything that is asked of them; return its token."""
    login = open_login(
        kind=KIND,
        subject_ref=staff.ref,
        machine=machine,
        now=now,
        lifetime=STAFF_LIFETIME,
        owes_factor=codes.owes(session, staff),
    )
    return login.store(session)


def note_sign_in(session: Session, staff: Staff, *, now: datetime) -> None:
    """Write into the log that somebody is in, having shown all that is asked, and how often it failed before."""
    subject = f"staff:{staff.ref}"
    failed = tally.sum_up(session, at=now, act=SIGN_IN_FAILED, subject=subject)
    after = {"failed_before": failed} if failed else None
    record(session, at=now, actor=subject, act="staff.sign_in", subject=subject, after=after)


def open_half(session: Session, staff: Staff, *, machine: Machine, now: datetime) -> str:
    """Open what stands between password and code; return its token."""
    login = open_login(kind=HALF, subject_ref=staff.ref, machine=machine, now=now, lifetime=HALF_LIFETIME)
    return login.store(session)


def end_all(session: Session, ref: str, *, now: datetime, keep: int = 0) -> None:
    """End every login of a person, half ones too, but for the one with the id `keep`."""
    for kind in (KIND, HALF):
        revoke_logins(session, kind=kind, subject_ref=ref, now=now, keep=keep)


def end_former(session: Session, former: Principal | None, *, now: datetime) -> None:
    """End what a browser was signed in with before: its cookie is about to be another's."""
    if former is not None and former.kind in (KIND, HALF):
        revoke_login(session, login_session_id=former.login_session_id, now=now)


def open_ones(principal: Principal, *, now: datetime) -> Sequence[LoginSession]:
    """Return where this person is signed in, this browser first, then the latest."""
    with reading() as session:
        rows = session.scalars(
            select(LoginSession)
            .where(
                LoginSession.kind == KIND,
                LoginSession.subject_ref == principal.subject_ref,
                LoginSession.revoked_at.is_(None),
                LoginSession.expires_at > now,
            )
            .order_by(LoginSession.id.desc())
        ).all()
    here = principal.login_session_id
    return sorted((row for row in rows if not attention.over(row, now=now)), key=lambda row: row.id != here)


def end_one(principal: Principal, login_session_id: int, *, now: datetime) -> None:
    """End another of this person's logins; this one has a way out of its own, other people's are left alone."""
    if login_session_id == principal.login_session_id:
        return
    with unit_of_work() as session:
        row = session.get(LoginSession, login_session_id)
        if row is not None and row.kind == KIND and row.subject_ref == principal.subject_ref:
            revoke_login(session, login_session_id=row.id, now=now)


def end_others(principal: Principal, *, now: datetime) -> None:
    """End all of this person's logins but this one."""
    with unit_of_work() as session:
        end_all(session, principal.subject_ref, now=now, keep=principal.login_session_id)
