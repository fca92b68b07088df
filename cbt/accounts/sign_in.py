"""Logins of staff: sign-in, sign-out, a new password, who is guessed at, and refusals that go on record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cbt.accounts import factor_codes, passwords, store
from cbt.accounts.models import Staff, StaffFactor
from cbt.audit import flood_limit
from cbt.audit.chain import record
from cbt.errors import CbtError, InvalidInput, NotAllowed, TooMany
from cbt.http.auth import login, throttle
from cbt.http.auth.access import access_of, asked_of_staff
from cbt.http.auth.login import HALF, KIND, Principal, at_the_others, current_principal
from cbt.http.auth.login_store import STAFF_LIFETIME, open_login, revoke_login, revoke_logins
from cbt.http.auth.machine import Machine
from cbt.http.auth.throttle import UnknownNames, alerts_of
from cbt.http.models import LoginSession
from cbt.http.problems import shown_error
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)


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
        owes_factor=factor_codes.owes(session, staff),
    )
    return login.store(session)


def note_sign_in(session: Session, staff: Staff, *, now: datetime) -> None:
    """Write into the log that somebody is in, having shown all that is asked, and how often it failed before."""
    subject = f"staff:{staff.ref}"
    failed = flood_limit.sum_up(session, at=now, act=SIGN_IN_FAILED, subject=subject)
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
    return sorted((row for row in rows if not login.over(row, now=now)), key=lambda row: row.id != here)


def end_one(principal: Principal, login_session_id: int, *, now: datetime) -> None:
    """End another of this person's logins; this one has a way out of its own, other people's are left alone."""
    if login_session_id == principal.login_session_id:
        return
    with unit_of_work() as session:
        row = session.get(LoginSession, login_session_id)
        if row is not None and row.kind == KIND and row.subject_ref == principal.subject_ref:
            revoke_login(session, login_session_id=row.id, now=now)


def end_others(principal: Principal, *, now: datetime) -> None:
    with unit_of_work() as session:
        end_all(session, principal.subject_ref, now=now, keep=principal.login_session_id)


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
            end_former(session, former, now=now)
            wants_code = session.get(StaffFactor, staff.id) is not None
            if not wants_code:
                note_sign_in(session, staff, now=now)
            opened = open_half if wants_code else open_staff
            return StaffSignIn(opened(session, staff, machine=machine, now=now), wants_code)
        # Who tries is not known, and a name that is nobody's is no subject: all of those are one.
        subject = f"staff:{row.ref}" if row is not None else "staff:unknown"
        flood_limit.count(session, at=now, actor="anonymous", act=SIGN_IN_FAILED, subject=subject)
    if row is None:
        unknown.note(machine.address, now=now)
    log.warning("a staff sign-in was refused")
    raise NotAllowed("sign_in.wrong")


def _refuse_old_slip(staff: Staff, *, now: datetime) -> None:
    issued = staff.password_issued_at
    if staff.must_change_password and issued is not None and now >= issued + passwords.ONE_TIME_LASTS:
        raise NotAllowed("sign_in.once_over", hours=int(passwords.ONE_TIME_LASTS.total_seconds()) // 3600)


def sign_out(principal: Principal, *, now: datetime) -> None:
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
            end_all(session, staff.ref, now=now)
            record(
                session,
                at=now,
                actor=f"staff:{staff.ref}",
                act="staff.password",
                subject=f"staff:{staff.ref}",
            )
            return open_staff(session, staff, machine=machine, now=now)
    raise InvalidInput("password.old_wrong", field="old")


MOST = 10


@dataclass(frozen=True, slots=True)
class Guessed:
    """Many wrong tries at one account (or, without a login, at the codes of rooms), and where they come from."""

    login: str
    name: str
    tries: int
    address: str


def guessed(session: Session, *, now: datetime) -> Sequence[Guessed]:
    """Return what is guessed at just now, the most tried first; a login nobody has is nobody's alarm.

    Source: R-14.
    """
    alerts = alerts_of(session, (SIGN_IN, "bind"), now=now)
    logins = [row.subject for row in alerts if row.scope == SIGN_IN]
    people = session.scalars(select(Staff).where(Staff.login.in_(logins)))
    names = {person.login: person.name for person in people}
    return [
        Guessed(
            row.subject if row.scope == SIGN_IN else "",
            names.get(row.subject, ""),
            row.tries,
            row.last_address,
        )
        for row in alerts
        if row.scope == "bind" or row.subject in names
    ][:MOST]


# Refusals of signed-in people are put on record: a role they have not, a second person who was none, a
# budget.
#
# A request without a login is no entry (whoever stands at the door could fill the log with them), and what
# was
# told once is counted for the rest of its window. A candidate's login is not read at the addresses of
# staff; that a
# page of staff was asked for in the browser of a candidate is an entry all the same, though it leads to the
# sign-in
# like anybody's. A record that cannot be written changes no answer: nothing was done, and the page says so.
#
# Source.

ACT = "refused"
SECOND_PERSON = "second."
NOT_ALLOWED = "web.not_allowed"
_LONGEST = 120


def put_on_record(response: flask.Response) -> flask.Response:
    """Put on record what this request refused to whom."""
    error = shown_error()
    if asked_of_staff():
        _count(at_the_others, NOT_ALLOWED)
    elif error is not None and _tells(error):
        _count(current_principal, error.code)
    return response


def _tells(error: CbtError) -> bool:
    return isinstance(error, (NotAllowed, TooMany)) or error.code.startswith(SECOND_PERSON)


def _count(principal_of: Callable[[], Principal | None], code: str) -> None:
    endpoint = flask.request.endpoint or ""
    access = access_of(flask.current_app, endpoint)
    if access is not None and access.kind == "lease":
        return  # no login is read there
    try:
        principal = principal_of()
        if principal is None:
            return
        with unit_of_work() as session:
            flood_limit.count(
                session,
                at=flask.g.now,
                actor=principal.logged_as,
                act=ACT,
                subject=f"view:{endpoint}:{code}"[:_LONGEST],
            )
    except Exception as failure:
        log.warning("a refusal could not be put on record: %s", type(failure).__name__)
