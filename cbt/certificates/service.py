"""Use cases: certificates are issued, printed, and revoked (R-93)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.certificates.models import Certificate
from cbt.certificates.photos import keep_photo, photo_on
from cbt.certificates.series import SeriesForm, series_form
from cbt.certificates.store import last_number
from cbt.certificates.waiting import WaitingPerson, judged, people_of
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.enrolment.body.service import body
from cbt.errors import Conflict
from cbt.results.package.signing import public_hex, signing_key
from cbt.rules.certificates.number import next_number
from cbt.rules.certificates.signing import signed
from cbt.rules.certificates.statement import CertificateStatement
from cbt.web.refs import new_ref
from cbt.web.texts import required

REASON = 300
ISSUED_AT_ONCE = 15
"""Certificates in one unit of work: each is signed, and its photo is sealed."""
_WITHOUT_SEQUENCE = 16


def issue(level: str, people: Collection[str], *, today: date, now: datetime, actor: str) -> list[str]:
    """Issue a certificate of a level to each of these people, and return the numbers.

    All of them are looked at before the first gets one. Then a few at a time are issued, and looked at again: who
    is stopped on the way leaves certificates that are whole, and numbers without a gap. Raise
    Conflict("certificate.no_series") before the parts are set, ("certificate.not_ready") where something stands in
    somebody's way, as for who got one meanwhile.

    Source: R-93.
    """
    with reading() as session:
        if series_form(session) is None:
            raise Conflict("certificate.no_series")
        lines = _ready(session, level, people, today=today)
        refs = [line.candidate.ref for line in lines]
    numbers: list[str] = []
    for piece in pieces_of(refs, size=ISSUED_AT_ONCE):
        numbers += _issue_some(level, piece, today=today, now=now, actor=actor)
    return numbers


def _issue_some(level: str, people: Collection[str], *, today: date, now: datetime, actor: str) -> list[str]:
    """Issue to some people, all or none.

    The parts of the numbers are locked first, so that two who issue at once take turns: each sees what the other
    gave.
    """
    key = signing_key(now=now, actor=actor)
    with unit_of_work() as session:
        parts = series_form(session, lock=True)
        if parts is None:
            raise Conflict("certificate.no_series")
        lines = _ready(session, level, people, today=today)
        return [
            issue_one(session, parts, line, key, today=today, now=now, actor=actor).number for line in lines
        ]


def _ready(session: Session, level: str, people: Collection[str], *, today: date) -> list[WaitingPerson]:
    lines = judged(session, level, people_of(session, people), today=today)
    if not lines or len(lines) < len(set(people)) or any(line.obstacles for line in lines):
        raise Conflict("certificate.not_ready")
    return lines


def issue_one(
    session: Session,
    parts: SeriesForm,
    line: WaitingPerson,
    key: Ed25519PrivateKey,
    *,
    today: date,
    now: datetime,
    actor: str,
) -> Certificate:
    """Put a certificate with the next number into the register, whose numbers are locked. Source: R-93."""
    series, person = parts.series(today.year, line.blueprint.level_code), line.candidate
    number = next_number(series, last_number(session, series.number(1)[:_WITHOUT_SEQUENCE]))
    said = CertificateStatement(
        number,
        person.name,
        person.document_masked,
        line.blueprint.occupation_name,
        line.blueprint.level_name,
        today,
    )
    made = Certificate(
        ref=new_ref("ce", 10),
        number=number,
        candidate_id=person.id,
        blueprint_ref=line.blueprint.ref,
        name=said.name,
        document_type=person.document_type,
        document=said.document,
        occupation=said.occupation,
        level=said.level,
        body_name=body(session).name,
        issued_on=today,
        issued_at=now,
        issued_by=actor,
        statement=signed(said, key),
        public_key=public_hex(key.public_key()),
        prints=0,
        revoked_by="",
        revoke_reason="",
    )
    session.add(made)
    session.flush()
    keep_photo(session, made, photo_on(session, made))
    after = {"number": number, "candidate": person.ref}
    record(session, at=now, actor=actor, act="certificate.issue", subject=made.logged_as, after=after)
    return made


def note_print(ref: str, *, photo: bytes | None, reason: str, now: datetime, actor: str) -> None:
    """Count a print; every one after the first needs a reason. Raise InvalidInput("certificate.no_reason").

    The photo that was on it is on every later one, too.

    Raise Conflict("certificate.revoked") for one that does not stand any more.

    Source: R-93.
    """
    with unit_of_work() as session:
        found = standing(session, ref)
        reason = required(reason, "certificate.no_reason", "reason", limit=REASON) if found.prints else ""
        found.prints += 1
        keep_photo(session, found, photo)
        record(
            session,
            at=now,
            actor=actor,
            act="certificate.print",
            subject=found.logged_as,
            reason=reason,
            after={"count": found.prints},
        )


def revoke(ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Revoke a certificate; its number is never given again, and only a new certificate makes up for it.

    Raise InvalidInput("certificate.no_reason"), Conflict("certificate.revoked").

    Source: R-93.
    """
    reason = required(reason, "certificate.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        revoke_one(session, standing(session, ref), reason=reason, now=now, actor=actor)


def revoke_one(session: Session, found: Certificate, *, reason: str, now: datetime, actor: str) -> None:
    """Have a certificate stand no more. Source: R-93."""
    found.revoked_at, found.revoked_by, found.revoke_reason = now, actor, reason
    record(
        session,
        at=now,
        actor=actor,
        act="certificate.revoke",
        subject=found.logged_as,
        reason=reason,
        after={"number": found.number},
    )


def standing(session: Session, ref: str) -> Certificate:
    """Return a certificate that stands, locked.

    Raise NotFound("certificate.unknown"), Conflict("certificate.revoked").
    """
    found = Certificate.by_ref(session, ref, unknown="certificate.unknown")
    session.refresh(found, with_for_update=True)
    if found.revoked_at is not None:
        raise Conflict("certificate.revoked", number=found.number)
    return found
