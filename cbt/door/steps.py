"""What happens to a registration at the door; later rooms call these inside their own unit of work.

Who may call which is decided by the caller; what the rules allow is decided here. Every change repeats
in its `where` the state it was decided on, so of two racing callers one gets a Conflict.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import AdmissionTicket, Registration
from cbt.candidates.personal import SHOWN, keyed_digest, seal
from cbt.errors import Conflict, InvalidInput, NotAllowed, TooEarly
from cbt.rules.door.admission import (
    ABSENT_CAUSES,
    DOCUMENT_TYPES,
    SIGN_IN_CODE_LIFE,
    is_late,
    normalise_document,
)
from cbt.rules.states.sitting import State
from cbt.sittings.clock.doors import admit_if_due
from cbt.sittings.models import Sitting, SittingRoom
from cbt.web.who import throttle

OPEN_DOOR = frozenset({State.PUBLISHED, State.ADMITTING, State.RUNNING, State.HELD})
"""States of a sitting-room in which its door is worked."""

_NEVER_CAME = frozenset({"not_arrived", "late"})


def record_arrival(
    session: Session,
    registration: Registration,
    *,
    now: datetime,
    arrived_at: datetime,
    actor: str,
    reason: str = "",
    chief: bool = False,
) -> None:
    """Record when a person came to the door; a second scan changes nothing.

    An `arrived_at` before `now` is an earlier arrival entered afterwards: it needs a reason, and after the
    start it needs the chief. Raise Conflict("admission.late") from the cut-off on (14:59 in, 15:00 out).

    Source: R-11.
    """
    sitting, room = _open_door(session, registration, now=now)
    if registration.arrived_at is not None and arrived_at >= registration.arrived_at:
        return
    if arrived_at > now:
        raise InvalidInput("admission.arrival_ahead", field="arrived_at")
    if arrived_at < now:
        if not reason.strip():
            raise InvalidInput("admission.arrival_reason", field="reason")
        if room.started_at is not None and not chief:
            raise NotAllowed("admission.arrival_chief")
    if is_late(arrived_at, cutoff_at=sitting.late_cutoff_at):
        raise Conflict("admission.late", cutoff_at=sitting.late_cutoff_at)
    _refuse_absent(registration)
    before = {"arrived_at": registration.arrived_at}
    _change(session, registration, Registration.absent_at.is_(None), arrived_at=arrived_at)
    _audit(
        session, registration, now, actor, "arrive", reason, before=before, after={"arrived_at": arrived_at}
    )


def check_in(
    session: Session,
    registration: Registration,
    *,
    now: datetime,
    document_type: str,
    last_four: str,
    actor: str,
    documents: Collection[str] = DOCUMENT_TYPES,
) -> None:
    """Record the original document shown and that person, photo and ticket are one.

    `documents` is the centre's table of accepted types; the number shown need not be the one registered.
    Somebody not yet scanned arrives with this. A repeat corrects the document and keeps the moment. The last
    four are sealed on the registration; the log has a keyed digest of them.

    Source: R-10.
    """
    if document_type not in documents:
        raise InvalidInput("admission.document_type", field="document_type")
    shown = normalise_document(last_four)
    if len(shown) != 4 or not shown.isalnum():
        raise InvalidInput("admission.last_four", field="last_four")
    if registration.arrived_at is None:
        record_arrival(session, registration, now=now, arrived_at=now, actor=actor)
    else:
        _open_door(session, registration, now=now)
        _refuse_absent(registration)
    before = {
        "document": registration.document_shown,
        "shown": _shown_digest(registration, registration.document_last_four),
    }
    _change(
        session,
        registration,
        Registration.absent_at.is_(None),
        checked_in_at=registration.checked_in_at or now,
        document_shown=document_type,
        document_last_four_sealed=seal(shown, SHOWN),
    )
    after = {"document": document_type, "shown": _shown_digest(registration, shown)}
    _audit(session, registration, now, actor, "check_in", "", before=before, after=after)


def _shown_digest(registration: Registration, last_four: str) -> str:
    """Return what the log says of the characters: that they are these, to who has the key, and nothing else."""
    return keyed_digest(f"{registration.ref}:{last_four}", SHOWN) if last_four else ""


def mark_absent(
    session: Session, registration: Registration, *, now: datetime, cause: str, actor: str
) -> None:
    """Confirm a 缺考 with its cause.

    未到 and 迟到 are for those who never came, from the cut-off on; 证件不符 and 放弃 for those who came but
    were not checked in. Who passed the door and wrote nothing is 到场未作答, never absent.

    Source: R-12.
    """
    if cause not in ABSENT_CAUSES:
        raise InvalidInput("admission.absent_cause", field="cause")
    sitting, _ = _open_door(session, registration, now=now)
    _refuse_absent(registration)
    if cause in _NEVER_CAME:
        if registration.arrived_at is not None:
            raise Conflict("admission.came", at=registration.arrived_at)
        if now < sitting.late_cutoff_at:
            raise TooEarly("admission.before_cutoff", at=sitting.late_cutoff_at)
    if registration.checked_in_at is not None or registration.signed_in_at is not None:
        raise Conflict("admission.entered")
    still = Registration.absent_at.is_(None) & Registration.checked_in_at.is_(None)
    if cause in _NEVER_CAME:
        still &= Registration.arrived_at.is_(None)
    _change(
        session,
        registration,
        still & Registration.signed_in_at.is_(None),
        absent_at=now,
        absent_cause=cause,
    )
    _audit(session, registration, now, actor, "absent", "", after={"cause": cause})


def undo_absent(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Take a 缺考 back; the chief may until the sitting is ended. Source: R-12."""
    _open_door(session, registration, now=now)
    if registration.absent_at is None:
        raise Conflict("admission.not_absent")
    before = {"cause": registration.absent_cause}
    _change(session, registration, Registration.absent_at.is_not(None), absent_at=None, absent_cause=None)
    _audit(session, registration, now, actor, "undo_absent", reason, before=before)


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
    sitting, _ = _open_door(session, registration, now=now)
    _refuse_absent(registration)
    passed = registration.checked_in_at is not None or registration.sign_in_allowed_at is not None
    if sitting.sign_in_needs_check_in and not passed:
        raise Conflict("admission.code_too_soon")
    code = f"{rng.randrange(1_000_000):06d}"
    until = now + SIGN_IN_CODE_LIFE
    _change(
        session,
        registration,
        Registration.absent_at.is_(None),
        login_code_hash=login_code_hash(registration.ref, code),
        login_code_until=until,
    )
    ticket = session.get_one(AdmissionTicket, registration.ticket_id)
    throttle.forget(session, scope="code", subject=ticket.number)  # nobody has guessed at this one yet
    _audit(session, registration, now, actor, "login_code", "", after={"until": until})
    return code


def login_code_hash(registration_ref: str, code: str) -> str:
    """Return what a 登录码 is stored as: bound to its registration, so no two rows look alike."""
    return hashlib.sha256(f"{registration_ref}:{code}".encode()).hexdigest()


def allow_sign_in(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """允许登录: let this person sign in without the check at the door. Source: R-14."""
    _open_door(session, registration, now=now)
    _refuse_absent(registration)
    _change(session, registration, Registration.absent_at.is_(None), sign_in_allowed_at=now)
    _audit(session, registration, now, actor, "allow_sign_in", reason)


def clear_query(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Answer a 信息有误: the proctor has compared the person, and the confirmation page goes on.

    Source: R-14.
    """
    if registration.query_at is None:
        raise Conflict("admission.no_query")
    before = {"query_at": registration.query_at}
    _change(session, registration, Registration.query_at.is_not(None), query_at=None)
    _audit(session, registration, now, actor, "clear_query", reason, before=before)


def _open_door(session: Session, registration: Registration, *, now: datetime) -> tuple[Sitting, SittingRoom]:
    sitting = session.get_one(Sitting, registration.sitting_id)
    room = session.get_one(SittingRoom, registration.sitting_room_id)
    if room.state not in OPEN_DOOR:
        raise Conflict("admission.door_shut")
    if not admit_if_due(session, room, now=now):
        raise TooEarly("admission.not_open", at=sitting.check_in_opens_at)
    return sitting, room


def _refuse_absent(registration: Registration) -> None:
    if registration.absent_at is not None:
        raise Conflict("admission.absent")


def _change(session: Session, registration: Registration, still: ColumnElement[bool], **values: Any) -> None:
    """Set `values` while `still` holds; raise Conflict when somebody else was first."""
    changed = session.scalars(
        update(Registration)
        .where(Registration.id == registration.id, still)
        .values(**values)
        .returning(Registration.id)
    ).one_or_none()
    if changed is None:
        raise Conflict("admission.changed")


def _audit(
    session: Session,
    registration: Registration,
    now: datetime,
    actor: str,
    act: str,
    reason: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    chain.record(
        session,
        at=now,
        actor=actor,
        act=f"door.{act}",
        subject=f"registration:{registration.ref}",
        reason=reason,
        before=before and {name: _plain(value) for name, value in before.items()},
        after=after and {name: _plain(value) for name, value in after.items()},
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
