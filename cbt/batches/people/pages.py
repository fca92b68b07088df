"""Forms and pages about one person of a batch: what a form says, read first, and what each page shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.accounts.store import actor_names
from cbt.batches.people.addition import Addition
from cbt.batches.people.change import ChangeOrder
from cbt.batches.people.placement import (
    LevelOffer,
    RoomOffer,
    WishedPaper,
    free_seats,
    is_met,
    levels_of,
    rooms_of,
    seen_of,
    suggested,
)
from cbt.batches.people.search import PeopleAsked, PersonLine, TakenPaper, lines_of
from cbt.candidates.corrections import Corrected, Correction, corrections_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.registration import NewPerson, PaperTerms
from cbt.candidates.store import booked, has_started
from cbt.errors import InvalidInput, NotFound
from cbt.http.form_values import WIDEST, asked_text, one_line, page_of, whole_number
from cbt.media.pictures import redraw
from cbt.personal.fields import DETAILS, checked_details
from cbt.personal.identity import checked_document, checked_name, gender_of_number
from cbt.rules.exam.paper import tools_text
from cbt.rules.planning.changes import RegistrationChange, hindrance
from cbt.rules.states.sitting import SittingState
from cbt.runner.models import Attempt
from cbt.runner.paper.form_assignment import is_begun
from cbt.sittings.models import Batch, Seat
from cbt.sittings.store import batch_by_ref

MOST_MINUTES = 240
MOST_FACTOR = Decimal(4)
HIGHEST_SEAT = 999
KINDS = ("first", "retake")


def people_asked(args: Mapping[str, str]) -> PeopleAsked:
    """Return what a list of people is asked for."""
    return PeopleAsked(asked_text(args), args.get("paper", "")[:40], args.get("kind", ""), page_of(args))


def addition_of(form: MultiDict[str, str], *, candidate_ref: str) -> Addition:
    """Return whom a form adds and for what."""
    codes = list(dict.fromkeys(form.getlist("paper")))
    wished = [
        WishedPaper(code, form.get(f"room-{code}", ""), seat_of(form.get(f"seat-{code}", ""), f"seat-{code}"))
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
    if kind not in KINDS:
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
    def can_withdraw(self) -> list[TakenPaper]:
        """The papers that can be taken back."""
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
    paper: TakenPaper
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
        """The first free seats of its room."""
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
    found = session.execute(
        select(AdmissionTicket, Candidate)
        .join(Candidate, Candidate.id == AdmissionTicket.candidate_id)
        .where(Candidate.ref == candidate_ref, AdmissionTicket.batch_id == batch.id)
    ).one_or_none()
    if found is None:
        raise NotFound("person.unknown")
    (line,) = lines_of(session, [(found[0], found[1])])
    return line


def _attempts(session: Session, person: PersonLine) -> dict[int, Attempt]:
    ids = [one.registration.id for one in person.papers]
    query = select(Attempt).where(Attempt.registration_id.in_(ids))
    return {one.registration_id: one for one in session.scalars(query)}


def _hindrance(paper: TakenPaper, attempts: dict[int, Attempt], change: RegistrationChange) -> str:
    return hindrance(
        change,
        room=SittingState(paper.sitting_room.state),
        met=is_met(paper.registration),
        begun=is_begun(attempts.get(paper.registration.id)),
    )
