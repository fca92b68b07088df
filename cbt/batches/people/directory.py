"""What the pages of a batch's people show: found fifty a page, and the forms about one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.accounts.store import actor_names
from cbt.batches.people.addition import Addition
from cbt.batches.people.change import ChangeOrder
from cbt.batches.people.placement import (
    LevelOffer,
    PaperWish,
    RoomOffer,
    free_seats,
    is_met,
    levels_of,
    rooms_of,
    seen_of,
    suggested,
)
from cbt.blueprints.store import blueprint_of
from cbt.candidates.corrections import Corrected, Correction, corrections_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.registration import NewPerson, PaperTerms
from cbt.candidates.store import booked, found_by, has_photo, has_started, with_photo
from cbt.errors import InvalidInput, NotFound
from cbt.http.form_values import WIDEST, asked_text, one_line, page_of, whole_number
from cbt.media.intake import redraw
from cbt.personal import DETAILS, checked_details, checked_document, checked_name, gender_of_number
from cbt.rules.exam import ExamBlueprint, tools_text
from cbt.rules.planning.changes import RegistrationChange, hindrance
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import is_begun
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref

PAGE = 50
SEARCH_KINDS = ("photo", "unseen", "form", "reprint", "extra", "retake", "withdrawn")
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
class PeopleFilter:
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
class PersonPaper:
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
        paper = self.blueprint.papers[self.registration.paper]
        return f"{self.blueprint.level_name} · {paper.name}"


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody of a batch with their papers, and those that were withdrawn."""

    candidate: Candidate
    ticket: AdmissionTicket
    papers: list[PersonPaper]
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
        return max(1, -(-self.count // PAGE))


def people_page(session: Session, batch_ref: str, people_filter: PeopleFilter) -> PeoplePage:
    """Return a page of a batch's people; the number of queries grows with nothing."""
    batch = batch_by_ref(session, batch_ref)
    of_batch = AdmissionTicket.batch_id == batch.id
    everybody = session.scalar(select(func.count()).select_from(AdmissionTicket).where(of_batch)) or 0
    conditions = [of_batch, *_conditions(people_filter, batch)]
    count = everybody
    if people_filter.asked:
        counted = _tickets(select(func.count())).where(*conditions)
        count = session.scalar(counted) or 0
    query = (
        select(AdmissionTicket, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(*conditions)
        .order_by(AdmissionTicket.number)
    )
    rows = session.execute(query.limit(PAGE).offset((people_filter.page - 1) * PAGE)).all()
    return PeoplePage(
        batch=batch,
        people=lines_of(session, [(row[0], row[1]) for row in rows]),
        count=count,
        everybody=everybody,
        papers=_papers(session, batch),
    )


def _tickets(query: Select[int]) -> Select[int]:
    return query.select_from(AdmissionTicket).join(Candidate, Candidate.id == AdmissionTicket.candidate_id)


def _conditions(people_filter: PeopleFilter, batch: Batch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if people_filter.text:
        conditions.append(found_by(people_filter.text))
    version, _, paper = people_filter.paper.partition(".")
    if version.isascii() and version.isdigit() and len(version) < 10 and paper:
        conditions.append(
            _registered(Registration.blueprint_version_id == int(version), Registration.paper == paper)
        )
    if people_filter.kind in SEARCH_KINDS:
        conditions.append(_of_kind(people_filter.kind))
    return conditions


def _registered(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Registration.ticket_id == AdmissionTicket.id, *conditions)


def _of_kind(kind: str) -> ColumnElement[bool]:
    match kind:
        case "photo":
            return ~has_photo(AdmissionTicket.candidate_id)
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
    papers = []
    for version, paper in session.execute(query):
        blueprint = blueprint_of(session, version)
        papers.append((f"{version}.{paper}", f"{blueprint.level_name} · {blueprint.papers[paper].name}"))
    return sorted(papers, key=lambda one: one[1])


def lines_of(session: Session, people: Sequence[tuple[AdmissionTicket, Candidate]]) -> list[PersonLine]:
    """Return people with their papers, by planned start, in three queries."""
    tickets = [ticket.id for ticket, _ in people]
    papers = papers_of(session, tickets)
    withdrawn = withdrawn_of(session, tickets)
    photos = with_photo(session, [candidate.id for _, candidate in people])
    return [
        PersonLine(candidate, ticket, papers[ticket.id], withdrawn[ticket.id], candidate.id in photos)
        for ticket, candidate in people
    ]


def papers_of(session: Session, ticket_ids: Collection[int]) -> defaultdict[int, list[PersonPaper]]:
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
    papers: defaultdict[int, list[PersonPaper]] = defaultdict(list)
    for registration, sitting, room, sitting_room, seat, attempt in session.execute(query):
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        line = PersonPaper(registration, sitting, room, sitting_room, seat, blueprint, attempt is not None)
        papers[registration.ticket_id].append(line)
    return papers


def withdrawn_of(
    session: Session, ticket_ids: Collection[int]
) -> defaultdict[int, list[tuple[Withdrawal, str]]]:
    """Return what the holders of tickets withdrew and did not take up again: ticket id -> (it, level and paper)."""
    query = select(Withdrawal).where(Withdrawal.ticket_id.in_(ticket_ids), *_STANDING).order_by(Withdrawal.id)
    withdrawn: defaultdict[int, list[tuple[Withdrawal, str]]] = defaultdict(list)
    for withdrawal in session.scalars(query):
        blueprint = blueprint_of(session, withdrawal.blueprint_version_id)
        title = f"{blueprint.level_name} · {blueprint.papers[withdrawal.paper].name}"
        withdrawn[withdrawal.ticket_id].append((withdrawal, title))
    return withdrawn


MOST_MINUTES = 240
MOST_FACTOR = Decimal(4)
HIGHEST_SEAT = 999
REGISTRATION_KINDS = ("first", "retake")


def people_asked(args: Mapping[str, str]) -> PeopleFilter:
    return PeopleFilter(asked_text(args), args.get("paper", "")[:40], args.get("kind", ""), page_of(args))


def addition_of(form: MultiDict[str, str], *, candidate_ref: str) -> Addition:
    """Return whom a form adds and for what."""
    codes = list(dict.fromkeys(form.getlist("paper")))
    wished = [
        PaperWish(code, form.get(f"room-{code}", ""), seat_of(form.get(f"seat-{code}", ""), f"seat-{code}"))
        for code in codes
    ]
    return Addition(
        version_id=whole_number(form.get("level", ""), most=WIDEST) or 0,
        papers=tuple(wished),
        terms=terms_of(form),
        reason=form.get("reason", ""),
        person=None if candidate_ref else _person(form),
        candidate_ref=candidate_ref,
        accepted=form.get("accepted") == "1",
    )


def _person(form: Mapping[str, str]) -> NewPerson:
    kind, number = checked_document(form.get("document_type", ""), form.get("document_number", ""))
    name, details = checked_name(form.get("name", "")), checked_details(form)
    details["gender"] = details["gender"] or gender_of_number(kind, number)
    return NewPerson(name, kind, number, details)


def order_of(form: MultiDict[str, str]) -> ChangeOrder:
    """Return how a form wants a registration to be; level and paper come as "version.code"."""
    version, _, paper = form.get("paper", "").partition(".")
    return ChangeOrder(
        version_id=whole_number(version, most=WIDEST) or 0,
        paper=paper,
        terms=terms_of(form),
        room_ref=form.get("room", ""),
        seat=seat_of(form.get("seat", ""), "seat"),
        swap=form.get("swap") == "1",
        reason=form.get("reason", ""),
        seen=form.get("seen", ""),
        accepted=form.get("accepted") == "1",
    )


def correction_of(form: Mapping[str, str], candidate: Candidate, image: bytes) -> Correction:
    """Return what a form puts right about somebody: what differs, a number and a phone where one is typed."""
    name, number = form.get("name"), form.get("document_number", "").strip()
    return Correction(
        evidence=form.get("reason", ""),
        name=name if name is not None and name.strip() != candidate.name else None,
        document=(form.get("document_type", ""), number) if number else None,
        photo=redraw(image) if image else None,
        details=dict(_details(form, candidate)),
    )


def _details(form: Mapping[str, str], candidate: Candidate) -> Iterator[tuple[str, str]]:
    for name, detail in DETAILS.items():
        sent = form.get(name)
        if detail.sealed:  # its form does not say what it holds: nothing typed leaves it
            if form.get(f"no_{name}") == "1":
                yield name, ""
            elif sent and sent.strip():
                yield name, sent
        elif sent is not None and sent.strip() != detail.value_of(candidate):
            yield name, sent


def terms_of(form: MultiDict[str, str]) -> PaperTerms:
    """Return how a form says a paper is taken.

    Raise InvalidInput("person.kind"|"person.minutes"|"person.factor"|"person.note"|"person.tools").

    Source: R-30.
    """
    kind = form.get("term", "first")
    if kind not in REGISTRATION_KINDS:
        raise InvalidInput("person.kind", field="term")
    note = one_line(form.get("note", ""), "note")
    if len(note) > 200:
        raise InvalidInput("person.note", field="note")
    return PaperTerms(
        kind,
        _factor(form.get("factor", "")),
        _minutes(form.get("minutes", "")),
        note,
        tools=tools_text(form.getlist("tools")),
    )


def _minutes(text: str) -> timedelta:
    minutes = whole_number(text.strip() or "0", most=MOST_MINUTES)
    if minutes is None:
        raise InvalidInput("person.minutes", field="minutes", maximum=MOST_MINUTES)
    return timedelta(minutes=minutes)


def _factor(text: str) -> Decimal:
    plain = text.strip() or "1"
    try:
        factor = Decimal(plain) if len(plain) <= 6 else Decimal(0)
        exact = factor.quantize(Decimal("0.01")) if factor.is_finite() else Decimal(0)
    except InvalidOperation:
        exact = Decimal(0)
    if not 1 <= exact <= MOST_FACTOR:
        raise InvalidInput("person.factor", field="factor", maximum=str(MOST_FACTOR))
    return Decimal(f"{exact.normalize():f}")


def seat_of(text: str, field: str) -> int | None:
    """Return the number of a seat, None for whichever; raise InvalidInput("person.seat")."""
    plain = text.strip().removesuffix("号")
    if not plain:
        return None
    number = whole_number(plain, most=HIGHEST_SEAT)
    if not number:
        raise InvalidInput("person.seat", field=field)
    return number


MOST_SEATS = 12
"""So many free seats are named."""


@dataclass(frozen=True, slots=True)
class PersonPage:
    """Somebody of a batch, with all their papers in it and what the office can do about each."""

    batch: Batch
    person: PersonLine
    hindered: dict[str, str]
    """Registration ref -> why it cannot be withdrawn any more; "" when it can."""
    fixed: frozenset[str]
    """Refs of registrations about which nothing is the office's any more."""
    started: bool
    """Whether name, number and photo need the chief by now."""
    corrections: list[Corrected]
    hands: dict[str, str]
    rooms: list[RoomOffer]

    @property
    def can_withdraw(self) -> list[PersonPaper]:
        return [one for one in self.person.papers if not self.hindered[one.registration.ref]]

    def former_room(self, withdrawal: Withdrawal) -> str:
        """Return the ref of the room a withdrawn paper was to be taken in, "" where nobody gets a seat any more."""
        refs = (
            one.sitting_room.ref for one in self.rooms if one.sitting_room.id == withdrawal.sitting_room_id
        )
        return next(refs, "")


@dataclass(frozen=True, slots=True)
class AddPage:
    """The form for somebody new, or another paper of somebody: levels, rooms, what is proposed for each paper."""

    batch: Batch
    levels: list[LevelOffer]
    level: LevelOffer | None
    rooms: list[RoomOffer]
    proposed: dict[str, RoomOffer]
    person: PersonLine | None
    taken: frozenset[str]
    """Papers of this level the person is registered for."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """The form for one registration."""

    batch: Batch
    person: PersonLine
    paper: PersonPaper
    levels: list[LevelOffer]
    rooms: list[RoomOffer]
    free: list[Seat]
    """Of the room it is in."""
    seen: str
    hindered: str
    """Why nothing of it is the office's any more; "" while something is."""
    fixed: str
    """Why paper, seat and sitting are not the office's any more."""

    @property
    def open(self) -> bool:
        """Whether its own room is among those somebody can be given a seat in."""
        return any(one.sitting_room.id == self.paper.sitting_room.id for one in self.rooms)

    @property
    def strange(self) -> bool:
        """Whether its paper is none of those the batch examines."""
        registration = self.paper.registration
        return not any(
            one.version_id == registration.blueprint_version_id
            and registration.paper in {paper.code for paper in one.papers}
            for one in self.levels
        )

    @property
    def free_numbers(self) -> str:
        return " ".join(f"{one.number:02d}" for one in self.free[:MOST_SEATS]) or "—"


def person_page(session: Session, batch_ref: str, candidate_ref: str) -> PersonPage:
    """Return what the page of somebody in a batch shows; raise NotFound("person.unknown")."""
    batch = batch_by_ref(session, batch_ref)
    person = _line(session, batch, candidate_ref)
    candidate = person.candidate
    attempts = _attempts(session, person)
    corrections = corrections_of(session, candidate.id)
    hands = {hand for one in corrections for hand in (one.row.by, one.row.countersigned_by)}
    hands |= {one.by for one, _ in person.withdrawn}
    return PersonPage(
        batch=batch,
        person=person,
        hindered={
            one.registration.ref: _hindrance(one, attempts, RegistrationChange.WITHDRAW)
            for one in person.papers
        },
        fixed=frozenset(
            one.registration.ref
            for one in person.papers
            if all(_hindrance(one, attempts, change) for change in RegistrationChange)
        ),
        started=has_started(session, candidate.id),
        corrections=corrections,
        hands=actor_names(session, hands),
        rooms=rooms_of(session, batch) if person.withdrawn else [],
    )


def add_page(session: Session, batch_ref: str, *, version: int | None, candidate_ref: str) -> AddPage:
    """Return what the form of an addition shows for one level, the first where none is asked for."""
    batch = batch_by_ref(session, batch_ref)
    person = _line(session, batch, candidate_ref) if candidate_ref else None
    levels = levels_of(session, batch)
    own = {one.registration.blueprint_version_id for one in person.papers} if person else set()
    wanted = version if version is not None else next(iter(own), None)
    level = next((one for one in levels if one.version_id == wanted), levels[0] if levels else None)
    rooms = rooms_of(session, batch)
    taken = frozenset(
        one.registration.paper
        for one in (person.papers if person else ())
        if level is not None and one.registration.blueprint_ref == level.blueprint.ref
    )
    return AddPage(
        batch=batch,
        levels=levels,
        level=level,
        rooms=rooms,
        proposed=_proposed(session, level, rooms, person, taken),
        person=person,
        taken=taken,
    )


def _proposed(
    session: Session,
    level: LevelOffer | None,
    rooms: Sequence[RoomOffer],
    person: PersonLine | None,
    taken: frozenset[str],
) -> dict[str, RoomOffer]:
    if level is None:
        return {}
    spans = [one.span for one in booked(session, [person.candidate.id])] if person is not None else []
    left = [paper for paper in level.papers if paper.code not in taken]
    return suggested(rooms, level, left, terms=PaperTerms(), taken=spans)


def person_of(session: Session, registration_ref: str) -> tuple[str, str]:
    """Return the refs of the batch and the person of a registration; raise NotFound("registration.unknown")."""
    row = session.execute(
        select(Batch.ref, Candidate.ref)
        .join(AdmissionTicket, AdmissionTicket.batch_id == Batch.id)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .where(Registration.ref == registration_ref)
    ).one_or_none()
    if row is None:
        raise NotFound("registration.unknown")
    return row[0], row[1]


def change_page(session: Session, batch_ref: str, registration_ref: str) -> ChangePage:
    """Return what the form of one registration shows; raise NotFound("registration.unknown")."""
    batch = batch_by_ref(session, batch_ref)
    of_batch, holder = person_of(session, registration_ref)
    if of_batch != batch.ref:
        raise NotFound("registration.unknown")
    person = _line(session, batch, holder)
    paper = next(one for one in person.papers if one.registration.ref == registration_ref)
    attempts = _attempts(session, person)
    return ChangePage(
        batch=batch,
        person=person,
        paper=paper,
        levels=levels_of(session, batch),
        rooms=rooms_of(session, batch),
        free=free_seats(session, paper.sitting_room),
        seen=seen_of(paper.registration),
        hindered=_hindrance(paper, attempts, RegistrationChange.TERMS)
        and _hindrance(paper, attempts, RegistrationChange.PLACE),
        fixed=_hindrance(paper, attempts, RegistrationChange.PAPER)
        and _hindrance(paper, attempts, RegistrationChange.PLACE),
    )


def _line(session: Session, batch: Batch, candidate_ref: str) -> PersonLine:
    row = session.execute(
        select(AdmissionTicket, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(Candidate.ref == candidate_ref, AdmissionTicket.batch_id == batch.id)
    ).one_or_none()
    if row is None:
        raise NotFound("person.unknown")
    (line,) = lines_of(session, [(row[0], row[1])])
    return line


def _attempts(session: Session, person: PersonLine) -> dict[int, Attempt]:
    ids = [one.registration.id for one in person.papers]
    query = select(Attempt).where(Attempt.registration_id.in_(ids))
    return {one.registration_id: one for one in session.scalars(query)}


def _hindrance(paper: PersonPaper, attempts: dict[int, Attempt], change: RegistrationChange) -> str:
    return hindrance(
        change,
        room=SittingState(paper.sitting_room.state),
        met=is_met(paper.registration),
        begun=is_begun(attempts.get(paper.registration.id)),
    )
