"""Leave to sign in: a 登录码 for one registration, or 允许登录 without the check at the door."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Registration
from cbt.door.arrival.changes import audit, change, open_door, refuse_absent
from cbt.errors import Conflict
from cbt.rules.door.admission import (
    SIGN_IN_CODE_LIFE,
)
from cbt.web.who import throttle


def issue_login_code(
    session: Session,
    registration: Registration,
    *,
    now: datetime,
    rng: random.Random,
    actor: str,
) -> str:
    """Return a fresh 6-digit 登录码, good once and for 10 minutes; only its hash is kept.

    A former code stops working. `rng` is the system's source of randomness outside tests.

    Source: R-14.
    """
    sitting, _ = open_door(session, registration, now=now)
    refuse_absent(registration)
    passed = registration.checked_in_at is not None or registration.sign_in_allowed_at is not None
    if sitting.sign_in_needs_check_in and not passed:
        raise Conflict("admission.code_too_soon")
    code = f"{rng.randrange(1_000_000):06d}"
    until = now + SIGN_IN_CODE_LIFE
    change(
        session,
        registration,
        Registration.absent_at.is_(None),
        login_code_hash=login_code_hash(registration.ref, code),
        login_code_until=until,
    )
    ticket = session.get_one(AdmissionTicket, registration.ticket_id)
    throttle.forget(session, scope="code", subject=ticket.number)  # nobody has guessed at this one yet
    audit(session, registration, now, actor, "login_code", "", after={"until": until})
    return code


def login_code_hash(registration_ref: str, code: str) -> str:
    """Return what a 登录码 is stored as: bound to its registration, so no two rows look alike."""
    return hashlib.sha256(f"{registration_ref}:{code}".encode()).hexdigest()


def allow_sign_in(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """允许登录: let this person sign in without the check at the door. Source: R-14."""
    open_door(session, registration, now=now)
    refuse_absent(registration)
    change(session, registration, Registration.absent_at.is_(None), sign_in_allowed_at=now)
    audit(session, registration, now, actor, "allow_sign_in", reason)
