"""Seats in the rooms of a batch: an order proposed and taken, seats exchanged, alike cases parted or redrawn.

A sitting-room is read in one go as people are seated in it, and the seats of everybody are changed at once. Seats
change here until check-in opens; later the proctors change them, on their board.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.assembly.draw import cases_of
from cbt.assembly.models import Form
from cbt.audit.chain import record
from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of, paper_of
from cbt.candidates.models import Registration
from cbt.candidates.registration import to_print_again
from cbt.candidates.store import Registered, entries_of_room
from cbt.errors import Conflict, NotFound
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.planning.seat_plan import (
    RoomPlan,
    SeatedAlike,
    Seats,
    SeatWishes,
    Sitter,
    alike,
    arrange,
    mended,
    plan_of,
)
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_forms, has_cases, set_aside, sources_for
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import RoomView, batch_by_ref, rooms_of_sitting, seats_of_room, sitting_by_ref
from cbt.spreadsheets.columns import plain
from cbt.storage.unit_of_work import DIRECTLY, LongWork, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down_in

Cases = frozenset[tuple[int, str]]
"""(unit of a paper, its case)"""
NO_CASES: Mapping[int, Cases] = {}


@dataclass(frozen=True, slots=True)
class SeatedRoom:
    """A sitting-room with its seats by number and who sits there."""

    view: RoomView
    plan: RoomPlan
    seats: Mapping[int, Seat]
    entries: Mapping[int, Registered]
    """By the number of the seat."""

    @property
    def regular(self) -> list[int]:
        return [number for number, seat in self.seats.items() if not seat.spare]

    @property
    def spare(self) -> list[int]:
        return [number for number, seat in self.seats.items() if seat.spare]

    def board(self, cases: Mapping[int, Cases] = NO_CASES) -> dict[int, Sitter]:
        """Return who sits where, as the rules compare them; `cases` by registration."""
        return {number: sitter_of(entry, cases) for number, entry in self.entries.items()}

    @property
    def seen(self) -> str:
        """What changes when somebody comes, goes or takes another seat, or the room's seats or plan do."""
        people = sorted((number, entry.registration.ref) for number, entry in self.entries.items())
        seats = [(number, seat.spare) for number, seat in self.seats.items()]
        return digest(canonical_json([people, seats, self.plan.text, self.plan.door]))[:16]


def sitter_of(entry: Registered, cases: Mapping[int, Cases] = NO_CASES) -> Sitter:
    """Return somebody as the rules compare them; who has an accommodation sits by the door. Source: R-30."""
    registration = entry.registration
    return Sitter(
        key=registration.ref,
        ticket=entry.ticket.number,
        unit=plain(entry.candidate.employer),
        paper=f"{registration.blueprint_ref}:{registration.paper}",
        cases=cases.get(registration.id, frozenset()),
        by_door=has_accommodation(registration),
    )


def has_accommodation(registration: Registration) -> bool:
    """Return whether somebody sits the paper with an accommodation (R-30)."""
    note = registration.accommodation_note or registration.tools
    return bool(registration.factor != 1 or registration.extra or note)


def seated_rooms(session: Session, sitting: Sitting) -> list[SeatedRoom]:
    return [_read(session, sitting, view) for view in rooms_of_sitting(session, sitting.id)]


def seated_room(session: Session, sitting: Sitting, room_ref: str) -> SeatedRoom:
    """Return one room of a sitting; raise NotFound("sitting.room_unknown") for another's."""
    views = rooms_of_sitting(session, sitting.id)
    view = next((view for view in views if view.sitting_room.ref == room_ref), None)
    if view is None:
        raise NotFound("sitting.room_unknown")
    return _read(session, sitting, view)


def _read(session: Session, sitting: Sitting, view: RoomView) -> SeatedRoom:
    seats: Sequence[Seat] = seats_of_room(session, view.room.id)
    entries = entries_of_room(session, sitting.id, view.sitting_room.ref)
    return SeatedRoom(
        view=view,
        plan=plan_of(view.room.plan, view.room.door, tuple(seat.number for seat in seats)),
        seats={seat.number: seat for seat in seats},
        entries={entry.seat.number: entry for entry in entries},
    )


_WAITING = 0
"""The number of a seat that is there only while others change theirs."""


def reseat(session: Session, room: SeatedRoom, board: Mapping[int, Sitter], *, now: datetime) -> int:
    """Give everybody the seat that `board` says; return how many have another one than before.

    No two may hold one seat even for a moment, so in each ring of people who take each other's seat one waits on a
    seat of its own, which is gone when this returns. Tickets that were printed are to be printed again.
    """
    at = {entry.registration.ref: number for number, entry in room.entries.items()}
    wanted = {at[one.key]: number for number, one in board.items() if at[one.key] != number}
    if not wanted:
        return 0
    waiting = Seat(room_id=room.view.room.id, number=_WAITING, spare=True, undelivered=0)
    session.add(waiting)
    session.flush()
    ids = {number: room.seats[number].id for number in {*wanted, *wanted.values()}}
    ids[_WAITING] = waiting.id
    people = {number: room.entries[number] for number in wanted}
    session.connection().execute(
        update(Registration).where(Registration.id == bindparam("who")).values(seat_id=bindparam("seat")),
        [{"who": people[number].registration.id, "seat": ids[seat]} for number, seat in _moves(wanted)],
    )
    session.execute(delete(Seat).where(Seat.id == waiting.id))
    to_print_again(session, [entry.ticket.id for entry in people.values()], "seat", now=now)
    session.expire_all()
    return len(wanted)


def _moves(wanted: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return who (by their seat before) goes to which seat, one after the other: each seat is free by then."""
    moves: list[tuple[int, int]] = []
    left = dict(wanted)
    while left:
        # Begin where the seat aimed at is nobody's; where everybody waits for another, one waits aside.
        start = next((number for number, seat in left.items() if seat not in left), None)
        if start is not None:
            moves.append((start, left.pop(start)))
            continue
        first, seat = next(iter(left.items()))
        moves.append((first, _WAITING))
        del left[first]
        ring = [first]
        by_seat = {aim: number for number, aim in left.items()}
        while ring[-1] in by_seat:
            number = by_seat[ring[-1]]
            moves.append((number, left.pop(number)))
            ring.append(number)
        moves.append((first, seat))
    return moves


@dataclass(frozen=True, slots=True)
class DrawnForms:
    """Of a room, by registration: the forms that are drawn, and the cases of those papers that have any."""

    forms: dict[int, int]
    cases: dict[int, Cases]

    @property
    def count(self) -> int:
        return len(self.forms)


def forms_in(session: Session, room: SeatedRoom) -> dict[int, int]:
    """Return the forms that are drawn in a room, by registration."""
    query = select(Attempt.registration_id, Attempt.form_id).where(
        Attempt.sitting_room_id == room.view.sitting_room.id
    )
    return {row.registration_id: row.form_id for row in session.execute(query)}


def drawn_in(session: Session, room: SeatedRoom) -> DrawnForms:
    """Return what is drawn in a room: two queries, however many sit there; only papers of cases are read."""
    registrations = [entry.registration for entry in room.entries.values()]
    forms = forms_in(session, room)
    with_cases = [
        forms[one.id]
        for one in registrations
        if one.id in forms and paper_of(session, one.blueprint_version_id, one.paper).units
    ]
    query = select(Form.id, Form.bank_id, Form.content).where(Form.id.in_(with_cases))
    cases = {row.id: _cases(row.bank_id, row.content) for row in session.execute(query)} if with_cases else {}
    return DrawnForms(
        forms, {registration: cases[form] for registration, form in forms.items() if form in cases}
    )


def _cases(bank_id: int, content: str) -> Cases:
    """Return the cases of a form, each called by its bank, too: another's may have the same code."""
    return frozenset((unit, f"{bank_id}/{case}") for unit, case in cases_of(json.loads(content)).items())


CHANGEABLE = frozenset({SittingState.DRAFT, SittingState.PUBLISHED})
"""Later the proctors change seats, on their board."""


@dataclass(frozen=True, slots=True)
class BatchRoom:
    """A sitting-room of a batch, with how many sit there and how many forms are drawn for them."""

    sitting: Sitting
    sitting_room: SittingRoom
    room: Room
    people: int
    drawn: int


def _people() -> Select[int]:
    return select(func.count()).where(Registration.sitting_room_id == SittingRoom.id).correlate(SittingRoom)


def _drawn() -> Select[int]:
    return select(func.count()).where(Attempt.sitting_room_id == SittingRoom.id).correlate(SittingRoom)


def rooms_of_batch(session: Session, batch: Batch, *, limit: int, offset: int) -> tuple[list[BatchRoom], int]:
    """Return a page of the rooms of a batch's sittings that are not off, by start, and how many there are."""
    ours = (Sitting.batch_id == batch.id, Sitting.state != SittingState.CANCELLED.value)
    query = (
        select(Sitting, SittingRoom, Room, _people().scalar_subquery(), _drawn().scalar_subquery())
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(*ours)
        .order_by(Sitting.planned_start_at, Sitting.id, Room.name)
        .limit(limit)
        .offset(offset)
    )
    total = session.scalar(select(func.count(SittingRoom.id)).join(Sitting).where(*ours)) or 0
    return [BatchRoom(*row) for row in session.execute(query)], total


def to_arrange(session: Session, batch: Batch, *, limit: int) -> tuple[list[tuple[str, str]], int]:
    """Return rooms whose seats are still as the roster came, as sitting and room refs, and how many there are.

    Those with people, without a form, and before check-in opens.
    """
    waiting = (
        Sitting.batch_id == batch.id,
        SittingRoom.state.in_([state.value for state in CHANGEABLE]),
        SittingRoom.arranged_at.is_(None),
        _people().scalar_subquery() > 0,
        _drawn().scalar_subquery() == 0,
    )
    query = select(Sitting.ref, SittingRoom.ref).join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
    ordered = query.where(*waiting).order_by(Sitting.planned_start_at, SittingRoom.id).limit(limit)
    count = select(func.count(SittingRoom.id)).join(Sitting, Sitting.id == SittingRoom.sitting_id)
    return [(sitting, room) for sitting, room in session.execute(ordered)], session.scalar(
        count.where(*waiting)
    ) or 0


def open_room(
    session: Session,
    sitting_ref: str,
    room_ref: str,
    *,
    seen: str = "",
    forms: Mapping[int, int] | None = None,
) -> tuple[Sitting, SeatedRoom]:
    """Return a room whose seats change in this unit of work, with its sitting.

    What is done to it was worked out before: raise Conflict("seating.changed") where it is not as it was `seen`,
    and where other `forms` (by registration) are drawn in it, ("seating.drawn") where there were to be none.
    """
    # Locked, so that nobody draws forms for seats that change.
    sitting = sitting_by_ref(session, sitting_ref, lock=True)
    room = seated_room(session, sitting, room_ref)
    changeable(room)
    if forms is not None and (there := forms_in(session, room)) != forms:
        raise Conflict("seating.changed" if forms or not there else "seating.drawn")
    if seen and room.seen != seen:
        raise Conflict("seating.changed")
    return sitting, room


def changeable(room: SeatedRoom) -> None:
    """Raise Conflict("seating.closed") where the seats of a room are not changed here any more."""
    if SittingState(room.view.sitting_room.state) not in CHANGEABLE:
        raise Conflict("seating.closed")


@dataclass(frozen=True, slots=True)
class SeatProposal:
    """A new order of a room: who would sit where, how many move, who still sits beside somebody alike."""

    board: Seats
    moved: int
    alike: SeatedAlike


def propose(room: SeatedRoom, wishes: SeatWishes, seed: int) -> SeatProposal:
    """Return the order that wishes and chance give a room; the same seed gives the same order."""
    before = room.board()
    board = arrange(
        before.values(),
        room.plan,
        regular=room.regular,
        spare=room.spare,
        wishes=wishes,
        rng=random.Random(seed),
    )
    moved = sum(before.get(number) != one for number, one in board.items())
    return SeatProposal(board, moved, alike(board, room.plan))


def arrange_room(
    *,
    sitting_ref: str,
    room_ref: str,
    wishes: SeatWishes,
    seed: int,
    seen: str,
    now: datetime,
    actor: str,
) -> SeatProposal:
    """Seat a room as it was shown before; return what was done.

    Raise Conflict("seating.closed") once check-in is open, ("seating.drawn") once a form is drawn there,
    ("seating.changed") when it is not `seen` any more.

    Source: R-8, R-16, R-30.
    """
    with reading() as session:
        room = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
        changeable(room)
        if forms_in(session, room):
            raise Conflict("seating.drawn")
    if room.seen != seen:
        raise Conflict("seating.changed")
    return _arrange(sitting_ref, room, wishes, seed, now=now, actor=actor)


def arrange_sitting(
    *,
    sitting_ref: str,
    wishes: SeatWishes,
    seed: int,
    now: datetime,
    actor: str,
    work: LongWork = DIRECTLY,
) -> tuple[int, int]:
    """Seat every room of a sitting, a room after the other; return how many were, and how many stayed as forms
    are drawn there.

    Raise Conflict("seating.closed") once check-in is open, ("seating.changed") at a room that somebody changed
    meanwhile.

    Source: R-8, R-16, R-30.
    """
    rng = random.Random(seed)
    with reading() as session:
        rooms = list(seated_rooms(session, sitting_by_ref(session, sitting_ref)))
        for room in rooms:
            changeable(room)
        drawn = [bool(room.entries and forms_in(session, room)) for room in rooms]
    begun = work.so_far.get("rooms", 0)
    for number, (room, has_forms) in enumerate(zip(rooms, drawn, strict=True), 1):
        own = rng.getrandbits(32)
        if number > begun and room.entries and not has_forms:
            keeping = work.keeping(rooms=number)
            _arrange(sitting_ref, room, wishes, own, now=now, actor=actor, work=work, keeping=keeping)
        work.tell(number, len(rooms))
    return sum(bool(room.entries) for room in rooms) - sum(drawn), sum(drawn)


def arrange_batch(
    *,
    batch_ref: str,
    wishes: SeatWishes,
    seed: int,
    now: datetime,
    actor: str,
    most: int,
    work: LongWork = DIRECTLY,
) -> tuple[int, int]:
    """Seat at most so many rooms of a batch whose seats are as the roster came, each a unit of work of its own.

    Return how many were, and how many still wait. A room that changed meanwhile is left as it is.

    Source: R-8, R-16, R-30.
    """
    rng = random.Random(seed)
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        before = done = work.so_far.get("rooms", 0)
        refs, waiting = to_arrange(session, batch, limit=most - before)
    for number, (sitting_ref, room_ref) in enumerate(refs, before + 1):
        own = rng.getrandbits(32)
        try:
            with reading() as session:
                room = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
            keeping = work.keeping(rooms=done + 1)
            _arrange(sitting_ref, room, wishes, own, now=now, actor=actor, work=work, keeping=keeping)
        except Conflict:
            continue
        done += 1
        work.tell(number, before + len(refs))
    return done, waiting - (done - before)


def _arrange(
    sitting_ref: str,
    room: SeatedRoom,
    wishes: SeatWishes,
    seed: int,
    *,
    now: datetime,
    actor: str,
    work: LongWork = DIRECTLY,
    keeping: Sequence[Rows] = (),
) -> SeatProposal:
    """Work out the new order of a room as it was read, and seat it where it is still so."""
    changeable(room)
    proposal = propose(room, wishes, seed)
    after = {
        "sitting": sitting_ref,
        "seed": seed,
        "order": wishes.order.value,
        "units_apart": wishes.units_apart,
        "papers": wishes.papers.value,
        "by_door": wishes.by_door,
        "people": len(proposal.board),
        "moved": proposal.moved,
        "units_beside": proposal.alike.units,
        "papers_beside": proposal.alike.papers,
    }

    def seat() -> None:
        with unit_of_work() as session:
            _sitting, there = open_room(
                session, sitting_ref, room.view.sitting_room.ref, seen=room.seen, forms={}
            )
            subject = f"sitting_room:{there.view.sitting_room.ref}"
            record(session, at=now, actor=actor, act="seats.arrange", subject=subject, after=after)
            there.view.sitting_room.arranged_at = now
            reseat(session, there, proposal.board, now=now)
            put_down_in(session, *keeping)

    try:
        work.in_front(seat)
    except IntegrityError as error:
        raise Conflict("seating.changed") from error
    return proposal


def exchange(
    *, sitting_ref: str, room_ref: str, first: int, other: int, now: datetime, actor: str
) -> tuple[int, int]:
    """Exchange who sits at two seats, one of which may be free; the forms stay with their people.

    Raise NotFound("room.no_seat"), Conflict("seating.closed"), ("seating.nobody") for two free seats.

    Source: R-16.
    """
    with unit_of_work() as session:
        _sitting, room = open_room(session, sitting_ref, room_ref)
        for number in (first, other):
            if number not in room.seats:
                raise NotFound("room.no_seat", number=number)
        board = room.board()
        if first == other or not {first, other} & board.keys():
            raise Conflict("seating.nobody")
        sitter, there = board.pop(first, None), board.pop(other, None)
        board |= {number: who for number, who in ((other, sitter), (first, there)) if who is not None}
        _note(session, room, board, "seats.exchange", {"seats": [first, other]}, now=now, actor=actor)
        reseat(session, room, board, now=now)
    return first, other


def mend(*, sitting_ref: str, room_ref: str, seed: int, now: datetime, actor: str) -> tuple[int, int]:
    """Part neighbours who have one case by as few exchanges as are found; return how many moved, pairs that stay.

    Raise Conflict("seating.closed"), ("seating.no_clash") where no two have one, ("seating.changed") where somebody
    changed the room meanwhile.

    Source: R-8.
    """
    with reading() as session:
        shown = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref)
        changeable(shown)
        drawn = drawn_in(session, shown)
    before = shown.board(drawn.cases)
    clashes = alike(before, shown.plan).cases
    if not clashes:
        raise Conflict("seating.no_clash")
    board = mended(before, shown.plan, regular=shown.regular, rng=random.Random(seed))
    left = len(alike(board, shown.plan).cases)
    after = {"seed": seed, "pairs": len(clashes), "left": left}
    with unit_of_work() as session:
        _sitting, room = open_room(session, sitting_ref, room_ref, seen=shown.seen, forms=drawn.forms)
        _note(session, room, board, "seats.mend", after, now=now, actor=actor)
        return reseat(session, room, board, now=now), left


_SEATED_ANEW = ("seats.arrange", "seats.exchange", "seats.mend", "seats.restore")


def restore(*, sitting_ref: str, room_ref: str, now: datetime, actor: str) -> int:
    """Have everybody sit again where they sat before neighbours were last parted; return how many move back.

    Raise Conflict("seating.closed"), ("seating.nothing_to_restore") where somebody of them was seated anew since.
    """
    with unit_of_work() as session:
        _sitting, room = open_room(session, sitting_ref, room_ref)
        back = _parted(session, room)
        if not back:
            raise Conflict("seating.nothing_to_restore")
        sitters = {one.key: one for one in room.board().values()}
        board = {number: one for number, one in room.board().items() if one.key not in back}
        board |= {number: sitters[ref] for ref, number in back.items()}
        _note(session, room, board, "seats.restore", {}, now=now, actor=actor)
        return reseat(session, room, board, now=now)


def _parted(session: Session, room: SeatedRoom) -> dict[str, int]:
    """Return who can go back to which seat, by registration: nobody once the room was seated otherwise since.

    The log says where they sat: the last time anybody was seated anew in the room was to part neighbours.
    """
    query = select(AuditEntry.act, AuditEntry.after).where(
        AuditEntry.subject == f"sitting_room:{room.view.sitting_room.ref}", AuditEntry.act.in_(_SEATED_ANEW)
    )
    last = session.execute(query.order_by(AuditEntry.id.desc()).limit(1)).one_or_none()
    if last is None or last.act != "seats.mend":
        return {}
    moves: dict[str, list[int]] = json.loads(last.after)["moves"]
    at = {entry.registration.ref: number for number, entry in room.entries.items()}
    others = {number for ref, number in at.items() if ref not in moves}
    stands = all(at.get(ref) == to for ref, (_former, to) in moves.items())
    free = others.isdisjoint(former for former, _to in moves.values())
    return {ref: former for ref, (former, _to) in moves.items()} if stands and free else {}


def redraw(
    *, sitting_ref: str, room_ref: str, number: int, rng: random.Random, now: datetime, actor: str
) -> str:
    """Draw another form for who sits at a seat, before the sitting is published; return their name.

    Raise Conflict("seating.published") later, NotFound("room.no_seat") for a seat nobody has a form at, and as
    `draw_forms` does.

    Source: R-8, R-43.
    """
    with reading() as session:
        shown = seated_room(session, sitting_by_ref(session, sitting_ref), room_ref).entries.get(number)
        if shown is None:
            raise NotFound("room.no_seat", number=number)
        sources = sources_for(shown.registration.blueprint_version_id, [shown.registration.paper])
    with unit_of_work() as session:
        sitting, room = open_room(session, sitting_ref, room_ref)
        if SittingState(sitting.state) is not SittingState.DRAFT:
            raise Conflict("seating.published")
        entry = room.entries.get(number)
        if entry is None or not has_cases(session, entry.registration):
            raise NotFound("room.no_seat", number=number)
        former = set_aside(session, entry.registration)
        if former is None:
            raise NotFound("room.no_seat", number=number)
        draw_forms(session, sitting, [(entry.registration, number)], sources=sources, now=now, rng=rng)
        subject = f"registration:{entry.registration.ref}"
        before = {"form": former.ref}
        record(session, at=now, actor=actor, act="seats.redraw", subject=subject, before=before)
        return entry.candidate.name


def _note(
    session: Session,
    room: SeatedRoom,
    board: Seats,
    act: str,
    after: Mapping[str, object],
    *,
    now: datetime,
    actor: str,
) -> None:
    """Put on record who moves from where to where; to be called before they do."""
    at = {entry.registration.ref: number for number, entry in room.entries.items()}
    moves = {one.key: [at[one.key], number] for number, one in board.items() if at[one.key] != number}
    subject = f"sitting_room:{room.view.sitting_room.ref}"
    record(session, at=now, actor=actor, act=act, subject=subject, after={**after, "moves": moves})


@dataclass(frozen=True, slots=True)
class SeatOrderForm:
    """An order that somebody wants to see before it is taken."""

    wishes: SeatWishes
    seed: int


@dataclass(frozen=True, slots=True)
class SeatingPage:
    """A room with who sits where, or would by the `proposal`."""

    sitting: Sitting
    batch: Batch
    room: SeatedRoom
    shown: Mapping[int, Registered]
    papers: Mapping[int, str]
    """By registration."""
    alike: SeatedAlike
    drawn: int
    asked: SeatOrderForm | None
    proposal: SeatProposal | None
    parted: int
    """How many moved when neighbours were last parted, where they can go back."""

    @property
    def changeable(self) -> bool:
        return SittingState(self.room.view.sitting_room.state) in CHANGEABLE

    @property
    def redrawable(self) -> bool:
        return SittingState(self.sitting.state) is SittingState.DRAFT

    @property
    def clashing(self) -> frozenset[int]:
        return frozenset(number for pair in self.alike.cases for number in pair)


def seating_page(
    session: Session, sitting_ref: str, room_ref: str, form: SeatOrderForm | None = None
) -> SeatingPage:
    """Return the page of a room's seats; its number of queries does not grow with who sits there."""
    sitting = sitting_by_ref(session, sitting_ref)
    room = seated_room(session, sitting, room_ref)
    drawn = drawn_in(session, room)
    proposal = propose(room, form.wishes, form.seed) if form and not drawn.count else None
    by_ref = {entry.registration.ref: entry for entry in room.entries.values()}
    board = proposal.board if proposal else room.board(drawn.cases)
    return SeatingPage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        room=room,
        shown={number: by_ref[one.key] for number, one in board.items()},
        papers={entry.registration.id: _paper(session, entry) for entry in room.entries.values()},
        alike=proposal.alike if proposal else alike(board, room.plan),
        drawn=drawn.count,
        asked=form,
        proposal=proposal,
        parted=len(_parted(session, room)),
    )


def _paper(session: Session, entry: Registered) -> str:
    blueprint = blueprint_of(session, entry.registration.blueprint_version_id)
    return f"{blueprint.level_name} · {blueprint.papers[entry.registration.paper].name}"
