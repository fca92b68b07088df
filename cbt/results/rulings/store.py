"""Queries of the rulings: which violations wait for one, and whose results wait with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session, aliased

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.exams.reasons.store import violation_of
from cbt.exams.reasons.words import words_of
from cbt.results.rulings.models import ViolationRuling
from cbt.rules.violation import Violation, takes_away, voids
from cbt.sittings.models import Sitting
from cbt.sittings.planning.purposes import official_only

T = TypeVarTuple("T")
MOST_VIOLATIONS = 100


@dataclass(frozen=True, slots=True)
class ViolationLine:
    """A violation on record, whose it is, and the ruling on it, None while there is none."""

    registration: Registration
    candidate: Candidate
    ticket_number: str
    violation: Violation | None
    ruling: ViolationRuling | None

    @property
    def called(self) -> str:
        """What people call the violation."""
        return self.registration.violation_code or "" if self.violation is None else words_of(self.violation)


def _ruled(query: Select[*T], of: type[Registration]) -> Select[*T]:
    return query.outerjoin(
        ViolationRuling,
        and_(ViolationRuling.registration_id == of.id, ViolationRuling.code == of.violation_code),
    )


def violations_of(session: Session, sitting_id: int) -> list[ViolationLine]:
    """Return the violations on record of a sitting that take something away, those without a ruling first."""
    query = (
        select(Registration, Candidate, AdmissionTicket.number, ViolationRuling)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Registration.sitting_id == sitting_id, Registration.violation_code.is_not(None))
        .order_by(ViolationRuling.id.is_not(None), Registration.id)
        .limit(MOST_VIOLATIONS)
    )
    lines = []
    for registration, candidate, ticket, ruling in session.execute(_ruled(query, Registration)):
        violation = violation_of(session, registration.violation_code, registration.violation_version_id)
        if violation is None or takes_away(violation):
            lines.append(ViolationLine(registration, candidate, ticket, violation, ruling))
    return lines


def unruled(session: Session, sitting_ids: Collection[int]) -> dict[int, set[tuple[int, str]]]:
    """Return whose results wait for a ruling: (registration id, ref) by sitting.

    It is a violation of their own that takes something away, or one in another paper of the batch that makes this
    one void.

    Source: R-63, R-92.
    """
    return _unruled(session, Registration.sitting_id.in_(sitting_ids)) if sitting_ids else {}


def unruled_among(session: Session, registration_ids: Collection[int]) -> set[int]:
    """Return which of these registrations' results wait for a ruling, as `unruled` does. Source: R-63, R-92."""
    if not registration_ids:
        return set()
    found = _unruled(session, Registration.id.in_(registration_ids))
    return {own for some in found.values() for own, _ref in some}


def _unruled(session: Session, whose: ColumnElement[bool]) -> dict[int, set[tuple[int, str]]]:
    other = aliased(Registration)
    query = (
        select(
            Registration.sitting_id,
            Registration.id,
            Registration.ref,
            Registration.absent_at,
            other.id,
            other.violation_code,
            other.violation_version_id,
        )
        .join(other, other.ticket_id == Registration.ticket_id)
        .join(Sitting, Sitting.id == other.sitting_id)
        .where(
            whose,
            other.violation_code.is_not(None),
            ViolationRuling.id.is_(None),
            official_only(),
        )
    )
    found: dict[int, set[tuple[int, str]]] = {}
    for sitting, own, ref, absent_at, of, code, version in session.execute(_ruled(query, other)):
        violation = violation_of(session, code, version)
        if violation is None:
            continue
        mine = of == own
        if takes_away(violation) if mine else (absent_at is None and voids(violation, same_paper=False)):
            found.setdefault(sitting, set()).add((own, ref))
    return found


def unruled_refs(session: Session, sitting_id: int) -> frozenset[str]:
    """Return the refs of the registrations of a sitting whose results wait for a ruling."""
    return frozenset(ref for _id, ref in unruled(session, [sitting_id]).get(sitting_id, ()))


def ruling_of(session: Session, registration: Registration) -> ViolationRuling | None:
    """Return the ruling on the violation that is on record of a registration, or None."""
    return session.scalar(
        select(ViolationRuling)
        .where(
            ViolationRuling.registration_id == registration.id,
            ViolationRuling.code == registration.violation_code,
        )
        .order_by(ViolationRuling.id.desc())
    )
