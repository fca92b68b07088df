"""How many are registered for a sitting, counted by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, CandidatePhoto, Registration


@dataclass(frozen=True)
class SittingCounts:
    """How many are registered for a sitting: (sitting-room id, blueprint version, paper) -> people."""

    seated: Mapping[tuple[int, int, str], int]
    without_photo: int
    """How many candidates have no photo yet (照片待补)."""
    again: int
    """How many printed tickets have to be printed again."""

    @cached_property
    def all(self) -> int:
        """How many registrations there are."""
        return sum(self.seated.values())

    @cached_property
    def by_room(self) -> Counter[int]:
        """Return the registrations of each room, by the id of the sitting-room."""
        counted: Counter[int] = Counter()
        for (room, _, _), people in self.seated.items():
            counted[room] += people
        return counted

    @cached_property
    def by_paper(self) -> Counter[tuple[int, str]]:
        """Return the registrations of each paper, as they come first: (blueprint version, paper) -> people."""
        counted: Counter[tuple[int, str]] = Counter()
        for (_, version, paper), people in self.seated.items():
            counted[version, paper] += people
        return counted


def counts_of(session: Session, sitting_id: int) -> SittingCounts:
    """Return how many are registered for a sitting."""
    place = (Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper)
    seated = (
        select(*place, func.count())
        .where(Registration.sitting_id == sitting_id)
        .group_by(*place, Registration.blueprint_ref)
        .order_by(Registration.blueprint_ref.desc(), Registration.paper.desc(), Registration.sitting_room_id)
    )
    without_photo = select(func.count(func.distinct(Registration.candidate_id))).where(
        Registration.sitting_id == sitting_id,
        ~exists().where(CandidatePhoto.candidate_id == Registration.candidate_id),
    )
    again = select(func.count()).where(
        AdmissionTicket.reprint_since.is_not(None),
        exists().where(Registration.ticket_id == AdmissionTicket.id, Registration.sitting_id == sitting_id),
    )
    counted = session.execute(select(without_photo.scalar_subquery(), again.scalar_subquery())).one()
    return SittingCounts(
        {(room, version, paper): people for room, version, paper, people in session.execute(seated)},
        *counted,
    )
