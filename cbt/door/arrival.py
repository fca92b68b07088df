"""Arrival at the door: scan, check, 缺考, 登录码 and 信息有误 of a registration, each with a line in the log.

Who may change what is decided by the caller, what the rules allow by the step. Every change repeats in its
`where` the state it was decided on, so of two racing callers one gets a Conflict.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import EntryDraft, text_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict, InvalidInput, NotAllowed, TooEarly
from cbt.http.auth import throttle
from cbt.personal import QUERY, SHOWN, keyed_digest
from cbt.rules.door import (
    ABSENT_CAUSES,
    DOCUMENT_TYPES,
    LONGEST_QUERY,
    QUERY_ABOUT,
    SIGN_IN_CODE_LIFE,
    is_late,
    normalise_document,
)
from cbt.rules.states import SittingState
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.storage.crypto import readable, seal

OPEN_DOOR = frozenset(
    {SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD}
)
"""States of a sitting-room in which its door is worked."""


def open_door(session: Session, registration: Registration, *, now: datetime) -> tuple[Sitting, SittingRoom]:
    """Return the sitting and room of a registration whose door is worked.

    Raise Conflict("admission.door_shut"), TooEarly("admission.not_open").
    """
    sitting = session.get_one(Sitting, registration.sitting_id)
    room = session.get_one(SittingRoom, registration.sitting_room_id)
    if room.state not in OPEN_DOOR:
        raise Conflict("admission.door_shut")
    if not admit_if_due(session, room, now=now):
        raise TooEarly("admission.not_open", at=sitting.check_in_opens_at)
    return sitting, room


def refuse_absent(registration: Registration) -> None:
    """Raise Conflict("admission.absent") for somebody who is 缺考."""
    if registration.absent_at is not None:
        raise Conflict("admission.absent")


def change(session: Session, registration: Registration, still: ColumnElement[bool], **values: Any) -> None:
    """Set `values` while `still` holds; raise Conflict when somebody else was first."""
    changed = session.scalars(
        update(Registration)
        .where(Registration.id == registration.id, still)
        .values(**values)
        .returning(Registration.id)
    ).one_or_none()
    if changed is None:
        raise Conflict("admission.changed")


def audit(
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
    line = line_about(registration, now, actor, act, reason, before=before, after=after)
    chain.record_entry(session, line)


def line_about(
    registration: Registration,
    now: datetime,
    actor: str,
    act: str,
    reason: str = "",
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> EntryDraft:
    subject = f"registration:{registration.ref}"
    return EntryDraft(now, actor, f"door.{act}", subject, reason, _told(before), _told(after))


def by_candidate(registration: Registration) -> str:
    return f"candidate:{registration.ref}"


def _told(values: dict[str, Any] | None) -> str:
    return text_of(values and {name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


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
    sitting, room = open_door(session, registration, now=now)
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
    refuse_absent(registration)
    before = {"arrived_at": registration.arrived_at}
    change(session, registration, Registration.absent_at.is_(None), arrived_at=arrived_at)
    audit(
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
        open_door(session, registration, now=now)
        refuse_absent(registration)
    before = {
        "document": registration.document_shown,
        "shown": _shown_digest(registration, registration.document_last_four),
    }
    change(
        session,
        registration,
        Registration.absent_at.is_(None),
        checked_in_at=registration.checked_in_at or now,
        document_shown=document_type,
        document_last_four_sealed=seal(shown, SHOWN),
    )
    after = {"document": document_type, "shown": _shown_digest(registration, shown)}
    audit(session, registration, now, actor, "check_in", "", before=before, after=after)


def _shown_digest(registration: Registration, last_four: str) -> str:
    """Return what the log says of the characters: that they are these, to who has the key, and nothing else."""
    return keyed_digest(f"{registration.ref}:{last_four}", SHOWN) if last_four else ""


def clear_query(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Answer a 信息有误: the proctor has compared the person, and the confirmation page goes on.

    Source: R-14.
    """
    if registration.query_at is None:
        raise Conflict("admission.no_query")
    before = {"query_at": registration.query_at}
    change(session, registration, Registration.query_at.is_not(None), query_at=None)
    audit(session, registration, now, actor, "clear_query", reason, before=before)


_NEVER_CAME = frozenset({"not_arrived", "late"})


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
    sitting, _ = open_door(session, registration, now=now)
    refuse_absent(registration)
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
    change(
        session,
        registration,
        still & Registration.signed_in_at.is_(None),
        absent_at=now,
        absent_cause=cause,
    )
    audit(session, registration, now, actor, "absent", "", after={"cause": cause})


def undo_absent(
    session: Session, registration: Registration, *, now: datetime, actor: str, reason: str = ""
) -> None:
    """Take a 缺考 back; the chief may until the sitting is ended. Source: R-12."""
    open_door(session, registration, now=now)
    if registration.absent_at is None:
        raise Conflict("admission.not_absent")
    before = {"cause": registration.absent_cause}
    change(session, registration, Registration.absent_at.is_not(None), absent_at=None, absent_cause=None)
    audit(session, registration, now, actor, "undo_absent", reason, before=before)


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


# 信息有误: what a candidate says is wrong with their data, until they take it back or a proctor has compared.
#
# What they typed is sealed like the numbers: it may be a name or a number. The log has a keyed digest of
# it.
#
# Source.


@dataclass(frozen=True, slots=True)
class Questioned:
    """What somebody says is wrong: codes of QUERY_ABOUT in their order, and a few words."""

    about: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class QuestionedRow:
    """What a proctor compares with the person: what they say, and what is registered; the number is masked."""

    said: Questioned
    document_type: str
    document_masked: str


def read_said(about: Sequence[str], words: str) -> Questioned:
    """Return what was picked and typed.

    Raise InvalidInput("door.query_about") without anything picked, ("door.query_words") for 其他 without a word.
    """
    picked = tuple(one for one in QUERY_ABOUT if one in about)
    if not picked:
        raise InvalidInput("door.query_about", field="about")
    text = "".join(one if one.isprintable() else " " for one in words)
    text = " ".join(text.split())[:LONGEST_QUERY]
    if "other" in picked and not text:
        raise InvalidInput("door.query_words", field="words")
    return Questioned(picked, text)


def said_of(registration: Registration) -> Questioned:
    """Return what somebody said is wrong; nothing of what is withdrawn, dots where the key does not open it."""
    about = tuple(registration.query_about.split(",")) if registration.query_about else ()
    sealed = registration.query_words_sealed
    words = "" if sealed is None else readable(sealed, QUERY)
    return Questioned(about, "····" if words is None else words)


def raise_query(session: Session, registration: Registration, query: Questioned, *, now: datetime) -> None:
    """Note that something is wrong; what is open already stays as it was said first."""
    if registration.query_at is not None:
        return
    registration.query_at = now
    registration.query_about = ",".join(query.about)
    registration.query_words_sealed = seal(query.words, QUERY) if query.words else None
    after = {"about": list(query.about)}
    if query.words:
        after["words"] = [keyed_digest(f"{registration.ref}:{query.words}", QUERY)]
    audit(session, registration, now, by_candidate(registration), "query", "", after=after)


def withdraw_query(session: Session, registration: Registration, *, now: datetime) -> None:
    """Take it back; nothing where no query is open, or a proctor was quicker."""
    if registration.query_at is None:
        return
    before = {"query_at": registration.query_at.isoformat(), "about": list(said_of(registration).about)}
    registration.query_at = registration.query_words_sealed = None
    registration.query_about = ""
    audit(session, registration, now, by_candidate(registration), "withdraw_query", "", before=before)


def to_compare(session: Session, refs: Sequence[str]) -> Mapping[str, QuestionedRow]:
    """Return by registration what a proctor compares with the people themselves. Source: R-10."""
    rows = session.execute(
        select(Registration, Candidate.document_type, Candidate.document_masked)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.ref.in_(refs))
    )
    return {row.ref: QuestionedRow(said_of(row), kind, masked) for row, kind, masked in rows}
