"""The people of a batch, found by name, number, unit or paper; fifty a page, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration, Withdrawal
from cbt.candidates.store import found_by
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref

PAGE = 50
KINDS = ("photo", "unseen", "form", "reprint", "extra", "retake", "withdrawn")
"""No photo, no registration, no form, a ticket to print again, 加时, 补考, 退考."""
_STANDING = (
    Withdrawal.back_at.is_(None),
    ~exists().where(
        Registration.ticket_id == Withdrawal.ticket_id,
        Registration.blueprint_ref == Withdrawal.blueprint_ref,
        Registration.paper == Withdrawal.paper,
    ),
)
"""A withdrawal stands until it is brought back, or a roster registers the paper anew."""


@dataclass(frozen=True, slots=True)
class PeopleAsked:
    """What a page of people is asked for; `paper` is "version.code", `kind` one of `KINDS`."""

    text: str = ""
    paper: str = ""
    kind: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        pairs = {"q": self.text, "paper": self.paper, "kind": self.kind}
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class TakenPaper:
    """One paper of somebody: when, where, which seat, whether a form is drawn."""

    registration: Registration
    sitting: Sitting
    room: Room
    sitting_room: SittingRoom
    seat: Seat
    blueprint: ExamBlueprint
    drawn: bool

    @property
    def title(self) -> str:
        """Level and paper, as people call them."""
        paper = self.blueprint.papers[self.registration.paper]
        return f"{self.blueprint.level_name} · {paper.name}"


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody of a batch with their papers, and those that were withdrawn."""

    candidate: Candidate
    ticket: AdmissionTicket
    papers: list[TakenPaper]
    withdrawn: list[tuple[Withdrawal, str]]
    """With the level and the paper."""
    has_photo: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the people of a batch."""

    batch: Batch
    people: list[PersonLine]
    count: int
    everybody: int
    papers: list[tuple[str, str]]
    """What the batch's people sit: ("version.code", level and paper)."""

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.count // PAGE))


def people_page(session: Session, batch_ref: str, asked: PeopleAsked) -> PeoplePage:
    """Return a page of a batch's people; the number of queries grows with nothing."""
    batch = batch_by_ref(session, batch_ref)
    of_batch = AdmissionTicket.batch_id == batch.id
    everybody = session.scalar(select(func.count()).select_from(AdmissionTicket).where(of_batch)) or 0
    conditions = [of_batch, *_conditions(asked, batch)]
    count = everybody
    if asked.asked:
        counted = _tickets(select(func.count())).where(*conditions)
        count = session.scalar(counted) or 0
    query = (
        select(AdmissionTicket, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(*conditions)
        .order_by(AdmissionTicket.number)
    )
    rows = session.execute(query.limit(PAGE).offset((asked.page - 1) * PAGE)).all()
    return PeoplePage(
        batch=batch,
        people=lines_of(session, [(row[0], row[1]) for row in rows]),
        count=count,
        everybody=everybody,
        papers=_papers(session, batch),
    )


def _tickets(query: Select[int]) -> Select[int]:
    return query.select_from(AdmissionTicket).join(Candidate, Candidate.id == AdmissionTicket.candidate_id)


def _conditions(asked: PeopleAsked, batch: Batch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.text:
        found.append(found_by(asked.text))
    version, _, paper = asked.paper.partition(".")
    if version.isascii() and version.isdigit() and len(version) < 10 and paper:
        found.append(
            _registered(Registration.blueprint_version_id == int(version), Registration.paper == paper)
        )
    if asked.kind in KINDS:
        found.append(_of_kind(asked.kind))
    return found


def _registered(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Registration.ticket_id == AdmissionTicket.id, *conditions)


def _of_kind(kind: str) -> ColumnElement[bool]:
    match kind:
        case "photo":
            return ~exists().where(CandidatePhoto.candidate_id == AdmissionTicket.candidate_id)
        case "unseen":
            return ~_registered()
        case "form":
            return _registered(~exists().where(Attempt.registration_id == Registration.id))
        case "reprint":
            return AdmissionTicket.reprint_since.is_not(None)
        case "extra":
            return _registered(
                or_(
                    Registration.factor != Decimal(1),
                    Registration.extra != timedelta(0),
                    Registration.tools != "",
                )
            )
        case "retake":
            return _registered(Registration.kind == "retake")
        case _:
            return exists().where(Withdrawal.ticket_id == AdmissionTicket.id, *_STANDING)


def _papers(session: Session, batch: Batch) -> list[tuple[str, str]]:
    query = (
        select(Registration.blueprint_version_id, Registration.paper)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.batch_id == batch.id)
        .distinct()
    )
    found = []
    for version, paper in session.execute(query):
        blueprint = blueprint_of(session, version)
        found.append((f"{version}.{paper}", f"{blueprint.level_name} · {blueprint.papers[paper].name}"))
    return sorted(found, key=lambda one: one[1])


def lines_of(session: Session, people: Sequence[tuple[AdmissionTicket, Candidate]]) -> list[PersonLine]:
    """Return people with their papers, by planned start, in three queries."""
    tickets = [ticket.id for ticket, _ in people]
    papers = papers_of(session, tickets)
    withdrawn = withdrawn_of(session, tickets)
    photos = set(
        session.scalars(
            select(CandidatePhoto.candidate_id).where(
                CandidatePhoto.candidate_id.in_([candidate.id for _, candidate in people])
            )
        )
    )
    return [
        PersonLine(candidate, ticket, papers[ticket.id], withdrawn[ticket.id], candidate.id in photos)
        for ticket, candidate in people
    ]


def papers_of(session: Session, ticket_ids: Collection[int]) -> defaultdict[int, list[TakenPaper]]:
    """Return what the holders of tickets are registered for: ticket id -> papers by planned start."""
    query = (
        select(Registration, Sitting, Room, SittingRoom, Seat, Attempt.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.ticket_id.in_(ticket_ids))
        .order_by(Sitting.planned_start_at, Registration.id)
    )
    found: defaultdict[int, list[TakenPaper]] = defaultdict(list)
    for registration, sitting, room, sitting_room, seat, attempt in session.execute(query):
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        line = TakenPaper(registration, sitting, room, sitting_room, seat, blueprint, attempt is not None)
        found[registration.ticket_id].append(line)
    return found


def withdrawn_of(
    session: Session, ticket_ids: Collection[int]
) -> defaultdict[int, list[tuple[Withdrawal, str]]]:
    """Return what the holders of tickets withdrew and did not take up again: ticket id -> (it, level and paper)."""
    query = select(Withdrawal).where(Withdrawal.ticket_id.in_(ticket_ids), *_STANDING).order_by(Withdrawal.id)
    found: defaultdict[int, list[tuple[Withdrawal, str]]] = defaultdict(list)
    for one in session.scalars(query):
        blueprint = blueprint_of(session, one.blueprint_version_id)
        title = f"{blueprint.level_name} · {blueprint.papers[one.paper].name}"
        found[one.ticket_id].append((one, title))
    return found
