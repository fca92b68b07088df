"""When the papers run that one candidate is registered for.

A span runs from the planned start to the longest individual deadline.

Source: R-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.exams.store import paper_of
from cbt.rules.door.admission import Span
from cbt.rules.exam.paper import Paper
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Sitting


@dataclass(frozen=True, slots=True)
class Booked:
    """A candidate's paper in a sitting that has not been cancelled."""

    candidate_id: int
    sitting: Sitting
    paper: str
    span: Span


def paper_span(start_at: datetime, paper: Paper, *, factor: Decimal, extra: timedelta) -> Span:
    """Return when a paper runs for one candidate, their accommodation included (R-30)."""
    ratio = Fraction(factor)
    length = paper.duration * ratio.numerator / ratio.denominator + extra
    return start_at, start_at + length


def _span_of(session: Session, registration: Registration, sitting: Sitting) -> Span:
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    return paper_span(sitting.planned_start_at, paper, factor=registration.factor, extra=registration.extra)


def booked(session: Session, candidate_ids: Iterable[int]) -> list[Booked]:
    """Return the papers these candidates are registered for, cancelled sittings left out."""
    wanted = list(candidate_ids)
    if not wanted:
        return []
    query = (
        select(Registration, Sitting)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.candidate_id.in_(wanted), Sitting.state != SittingState.CANCELLED.value)
    )
    return [
        Booked(
            registration.candidate_id, sitting, registration.paper, _span_of(session, registration, sitting)
        )
        for registration, sitting in session.execute(query)
    ]
