"""What is to be stored of a plan, in values that can be kept: people with their papers, and what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.batches.roster.planning.values import Placement, RosterPlan, RowChange
from cbt.candidates.roster.reading.row import RosterRow
from cbt.web.refs import new_ref


@dataclass(frozen=True, slots=True)
class PaperEntry:
    """A paper at a seat; `ref` is what its registration will be called, so that it is known again."""

    ref: str
    blueprint: str
    paper: str
    kind: str
    factor: Decimal
    extra: timedelta
    tools: str
    accommodation: str
    eligibility: str
    note: str
    sitting_id: int
    sitting_room_id: int
    seat_id: int


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """Somebody with the papers they are registered for; `ticket` is what a file brings, "" for none."""

    index: str
    ref: str
    name: str
    document_type: str
    document_number: str = field(repr=False)
    details: Mapping[str, str] = field(repr=False)
    ticket: str
    papers: list[PaperEntry]


@dataclass(frozen=True, slots=True)
class RenewedNumber:
    """Somebody whose number is sealed anew, because its key was lost."""

    candidate_id: int
    document_type: str
    document_number: str = field(repr=False)
    details: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeatLine:
    """A paper at a seat as it is shown before it is stored."""

    row: int
    name: str
    number: str
    unit: str
    level: str
    paper: str
    seat: int
    ticket: str
    kind: str


@dataclass(frozen=True, slots=True)
class Storable:
    """Everything that an import stores."""

    people: list[PersonEntry]
    changes: list[RowChange]
    renewed: list[RenewedNumber]
    already: int

    @property
    def papers(self) -> int:
        """How many papers are registered."""
        return sum(len(one.papers) for one in self.people)


def storable(plan: RosterPlan) -> Storable:
    """Return what an import of a plan stores."""
    found: dict[str, PersonEntry] = {}
    for one in plan.placements:
        if one.index not in found:
            found[one.index] = _person(one)
        found[one.index].papers.append(_paper(one))
    return Storable(list(found.values()), plan.changes, _renewed(plan), plan.already)


def _renewed(plan: RosterPlan) -> list[RenewedNumber]:
    return [
        RenewedNumber(candidate.id, row.document_type, row.document_number, row.details)
        for candidate, row in plan.renewed
    ]


def _person(one: Placement) -> PersonEntry:
    row = one.row
    return PersonEntry(
        index=one.index,
        ref=one.candidate.ref if one.candidate is not None else new_ref("ca"),
        name=row.name,
        document_type=row.document_type,
        document_number=row.document_number,
        details=row.details,
        ticket=one.ticket or row.ticket,
        papers=[],
    )


def _paper(one: Placement) -> PaperEntry:
    row = one.row
    return PaperEntry(
        ref=new_ref("re"),
        blueprint=one.choice.blueprint.ref,
        paper=one.paper,
        kind=one.asked.kind,
        factor=row.factor,
        extra=row.extra,
        tools=row.tools,
        accommodation=row.accommodation,
        eligibility=row.eligibility,
        note=row.note,
        sitting_id=one.at.sitting.id,
        sitting_room_id=one.at.sitting_room.id,
        seat_id=one.seat.id,
    )


def seat_lines(placements: Sequence[Placement], masked: dict[str, str]) -> dict[int, list[SeatLine]]:
    """Return what is shown of each room, by seat: sitting-room id -> lines."""
    found: dict[int, list[SeatLine]] = {}
    for one in sorted(placements, key=lambda one: one.seat.number):
        found.setdefault(one.at.key, []).append(_line(one, one.row, masked[one.index]))
    return found


def _line(one: Placement, row: RosterRow, masked: str) -> SeatLine:
    blueprint = one.choice.blueprint
    return SeatLine(
        row=row.row,
        name=row.name,
        number=masked,
        unit=row.group,
        level=blueprint.level_name,
        paper=blueprint.papers[one.paper].name,
        seat=one.seat.number,
        ticket=one.ticket or row.ticket,
        kind=one.asked.kind,
    )
