"""Who of a level may get a certificate, and what still stands in the way of the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.certificates import store
from cbt.exams.store import blueprint_of
from cbt.results.ledger.counting import counting
from cbt.results.ledger.store import ledger_of, released
from cbt.rules.certificates.issuing import IssueObstacle, OpenMatters, issue_obstacles
from cbt.rules.exam.blueprint import ExamBlueprint


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """Somebody who passed a paper of a level, and why there is no certificate yet; nothing: there can be."""

    candidate: Candidate
    blueprint: ExamBlueprint
    obstacles: tuple[IssueObstacle, ...]


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page of those who wait for a certificate of a level."""

    level: str
    lines: Sequence[WaitingPerson]
    count: int
    page: int
    pages: int

    @property
    def ready(self) -> list[str]:
        """The refs of those of this page who may get one now."""
        return [line.candidate.ref for line in self.lines if not line.obstacles]


def waiting_page(session: Session, level: str, *, page: int, today: date) -> WaitingPage:
    """Return a page of those with a released pass of a level and no certificate, those who passed most first."""
    people, count, page, pages = store.waiting(session, level, page=page)
    return WaitingPage(level, judged(session, level, people, today=today), count, page, pages)


def people_of(session: Session, refs: Collection[str]) -> Sequence[Candidate]:
    """Return the people of these refs, in the order in which they were entered."""
    return session.scalars(select(Candidate).where(Candidate.ref.in_(refs)).order_by(Candidate.id)).all()


def judged(session: Session, level: str, people: Sequence[Candidate], *, today: date) -> list[WaitingPerson]:
    """Return what keeps these people from a certificate of a level on a day.

    A result that counts was released by two people after it was shown long enough and every objection to it was
    decided (`results.steps.release`). So of the open matters only a certificate that stands is left to ask for.

    Source: R-4, R-62, R-90, R-93.
    """
    ids = [one.id for one in people]
    ledger, have = ledger_of(session, ids), store.certified(session, level, ids)
    found = []
    for person in people:
        taken = ledger.get((person.id, level), [])
        if not taken:
            continue
        blueprint = blueprint_of(session, taken[-1].registration.blueprint_version_id)
        obstacles = issue_obstacles(
            list(blueprint.papers),
            counting(released(taken), policy=blueprint.retake),
            OpenMatters(publicity_over=True, issued=person.id in have),
            on=today,
            policy=blueprint.retake,
        )
        found.append(WaitingPerson(person, blueprint, obstacles))
    return found
