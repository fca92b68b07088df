"""The report of a centre (考点情况报告): who came, passed and broke a rule, by room and paper; what happened.

Source: R-61, R-63, R-97.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.proctoring.models import IncidentReport
from cbt.results import store
from cbt.results.desk.scope import ResultScope
from cbt.results.sheet.outcome import JudgedEnd, Standing, balance_of
from cbt.results.sheet.sitting import ends_of
from cbt.rules.retake import PaperOutcome
from cbt.rules.states import Balance
from cbt.sittings.models import Room, SittingRoom
from cbt.storage.unit_of_work import reading

MOST_INCIDENTS = 100
"""So many reports of a centre are told in words; how many there are is said."""
_TENTH = Decimal("0.1")


@dataclass(slots=True)
class PlaceFigures:
    """A room, a paper or a centre in figures; `incidents` are the reports of it that stand."""

    name: str
    ends: list[JudgedEnd] = field(default_factory=list)
    incidents: int = 0

    @property
    def balance(self) -> Balance:
        """应考, 实考 and 缺考. Source: R-61."""
        return balance_of(end.standing for end in self.ends)

    @property
    def violations(self) -> int:
        return sum(end.facts.violation is not None for end in self.ends)

    @property
    def passed(self) -> int:
        return sum(end.shown is not None and end.shown.outcome is PaperOutcome.PASSED for end in self.ends)

    @property
    def scores(self) -> list[Decimal]:
        """Return the points of who has any; whoever came and wrote nothing tells nothing of a paper."""
        return [
            end.shown.score
            for end in self.ends
            if end.shown is not None
            and end.shown.score is not None
            and end.standing is not Standing.UNANSWERED
        ]

    @property
    def pass_percent(self) -> Decimal | None:
        """The share of passes among those who came and were judged, in per cent, to a tenth."""
        judged = sum(
            end.shown is not None and end.shown.outcome is not PaperOutcome.ABSENT for end in self.ends
        )
        return (Decimal(100 * self.passed) / judged).quantize(_TENTH, ROUND_HALF_UP) if judged else None

    @property
    def mean(self) -> Decimal | None:
        scores = self.scores
        return (sum(scores, Decimal(0)) / len(scores)).quantize(_TENTH, ROUND_HALF_UP) if scores else None


@dataclass(frozen=True, slots=True)
class Told:
    """A report that was filed, in short."""

    at: datetime
    place: str
    kind: str
    facts: str


@dataclass(frozen=True, slots=True)
class CentreFigures:
    """A centre: all of it, its rooms by sitting, its papers, and what was reported there."""

    name: str
    whole: PlaceFigures
    rooms: Sequence[PlaceFigures]
    papers: Sequence[PlaceFigures]
    told: Sequence[Told]
    is_released: bool
    """Whether every sitting of it was released; before, its figures may change."""


def centres_in(scope: ResultScope) -> list[CentreFigures]:
    """Return the centres of a scope in figures, each sitting read on a snapshot of its own."""
    of_centre: defaultdict[str, list[_SittingPart]] = defaultdict(list)
    for sitting, centre in scope.sittings:
        with reading() as session:
            of_centre[centre.name].append(_part(session, sitting.id, sitting.name))
    return [_joined(name, parts) for name, parts in sorted(of_centre.items())]


@dataclass(frozen=True, slots=True)
class _SittingPart:
    rooms: list[PlaceFigures]
    papers: dict[str, PlaceFigures]
    told: list[Told]
    is_released: bool


def _part(session: Session, sitting_id: int, name: str) -> _SittingPart:
    rooms = {
        room.id: PlaceFigures(f"{name} · {room_name}")
        for room, room_name in store.rooms_of(session, sitting_id)
    }
    query = select(
        Registration.id, Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper
    ).where(Registration.sitting_id == sitting_id)
    where = {row[0]: row[1:] for row in session.execute(query)}
    papers: dict[str, PlaceFigures] = {}
    for end in ends_of(session, sitting_id):
        room_id, version_id, code = where[end.registration_id]
        blueprint = blueprint_of(session, version_id)
        title = f"{blueprint.level_name} {blueprint.papers[code].label}"
        rooms[room_id].ends.append(end.judged)
        papers.setdefault(title, PlaceFigures(title)).ends.append(end.judged)
    stands = (SittingRoom.sitting_id == sitting_id, IncidentReport.withdrawn_at.is_(None))
    counts = (
        select(IncidentReport.sitting_room_id, func.count())
        .join(SittingRoom, SittingRoom.id == IncidentReport.sitting_room_id)
        .where(*stands)
        .group_by(IncidentReport.sitting_room_id)
    )
    for room_id, count in session.execute(counts):
        rooms[room_id].incidents = count
    reports = (
        select(IncidentReport, Room.name)
        .join(SittingRoom, SittingRoom.id == IncidentReport.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(*stands)
        .order_by(IncidentReport.happened_at, IncidentReport.id)
        .limit(MOST_INCIDENTS)
    )
    told = [
        Told(report.happened_at, f"{name} · {room}", report.kind, report.facts)
        for report, room in session.execute(reports)
    ]
    return _SittingPart(list(rooms.values()), papers, told, store.release_of(session, sitting_id) is not None)


def _joined(name: str, parts: Iterable[_SittingPart]) -> CentreFigures:
    parts = list(parts)
    rooms = [room for part in parts for room in part.rooms]
    papers: dict[str, PlaceFigures] = {}
    for part in parts:
        for title, figures in part.papers.items():
            papers.setdefault(title, PlaceFigures(title)).ends.extend(figures.ends)
    whole = PlaceFigures(name, [end for room in rooms for end in room.ends], sum(r.incidents for r in rooms))
    told = [one for part in parts for one in part.told][:MOST_INCIDENTS]
    return CentreFigures(
        name,
        whole,
        rooms,
        [papers[title] for title in sorted(papers)],
        told,
        all(p.is_released for p in parts),
    )
