"""The door of a room as its page shows it: who waits, who is missing, whom a scan names, here or elsewhere.

Source: R-10, R-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import Registered, entry_for, photo_of
from cbt.errors import NotAllowed
from cbt.http.auth.login import Principal
from cbt.personal import document_index
from cbt.proctoring.act import runs_room
from cbt.proctoring.board.live import Board, load_board
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.door import AtSeat, Scan, ScanKind, named_by, read_scan
from cbt.rules.states import SittingState
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import RoomView, room_view_for
from cbt.storage.unit_of_work import reading

SAME_DAY = timedelta(hours=12)
MOST_ELSEWHERE = 4


@dataclass(frozen=True, slots=True)
class ExpectedElsewhere:
    """Another room at this centre where somebody is expected."""

    room: str
    seat: int
    planned_start_at: datetime


def refs_by_document(session: Session, sitting_room_id: int, index: str) -> Sequence[str]:
    query = (
        select(Registration.ref)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_room_id == sitting_room_id, Candidate.document_index == index)
    )
    return session.scalars(query).all()


def expected_elsewhere(
    session: Session, view: RoomView, *, ticket: str, index: str, now: datetime
) -> tuple[ExpectedElsewhere, ...]:
    """Return where else at this centre somebody is expected about now, by the whole ticket or document number.

    Nothing tells who it is.
    """
    query = (
        select(Room.name, Seat.number, Sitting.planned_start_at)
        .select_from(Registration)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(
            (AdmissionTicket.number == ticket) | (Candidate.document_index == index),
            SittingRoom.id != view.sitting_room.id,
            Room.centre_id == view.centre.id,
            SittingRoom.state.not_in([SittingState.DRAFT, SittingState.CANCELLED]),
            Sitting.planned_start_at.between(now - SAME_DAY, now + SAME_DAY),
        )
        .order_by(Sitting.planned_start_at, Registration.id)
        .limit(MOST_ELSEWHERE)
    )
    return tuple(ExpectedElsewhere(*row) for row in session.execute(query))


_NUMBERED = frozenset({ScanKind.TICKET, ScanKind.DOCUMENT})


@dataclass(frozen=True, slots=True)
class PersonAtDoor:
    """Somebody who stands before the proctor."""

    seat: SeatView
    entry: Registered
    has_photo: bool


@dataclass(frozen=True, slots=True)
class RoomDoor:
    """The door of a room at one instant."""

    board: Board
    scan: Scan
    found: tuple[SeatView, ...]
    person: PersonAtDoor | None
    elsewhere: tuple[ExpectedElsewhere, ...]

    @property
    def waiting(self) -> tuple[SeatView, ...]:
        """Who has come and is not checked yet, in the order they came."""
        return _waiting(self.board)

    @property
    def missing(self) -> tuple[SeatView, ...]:
        return tuple(seat for seat in self.board.seats if seat.arrived_at is None and seat.absent_at is None)

    @property
    def inside(self) -> int:
        return sum(seat.checked_in_at is not None for seat in self.board.seats)

    @property
    def absent(self) -> int:
        return sum(seat.absent_at is not None for seat in self.board.seats)


def read_door(
    room_ref: str,
    principal: Principal,
    *,
    line: str = "",
    ref: str = "",
    next_one: bool = False,
    now: datetime,
) -> RoomDoor:
    """Return the door of a room this person runs, with whom `line` or `ref` names, or the next who waits.

    Raise NotFound for a room they do not see, NotAllowed("proctoring.not_assigned").

    Source: R-10, R-11.
    """
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        if not runs_room(session, view.sitting_room, principal):
            raise NotAllowed("proctoring.not_assigned")
        board = load_board(session, view, now=now)
        if next_one and (waiting := _waiting(board)):
            ref = waiting[0].ref
        scan = read_scan(line)
        seats = _named(session, view, board, scan) if not ref else _seats(board, (ref,))
        person = _person(session, seats[0], principal) if len(seats) == 1 else None
        elsewhere = () if seats or scan.kind is ScanKind.NOTHING else _elsewhere(session, view, scan, now=now)
    return RoomDoor(board, scan, seats, person, elsewhere)


def _waiting(board: Board) -> tuple[SeatView, ...]:
    here = (seat for seat in board.seats if seat.arrived_at is not None and seat.absent_at is None)
    return tuple(
        sorted(
            (seat for seat in here if seat.checked_in_at is None and seat.signed_in_at is None),
            key=lambda seat: (seat.arrived_at, seat.number),
        )
    )


def _named(session: Session, view: RoomView, board: Board, scan: Scan) -> tuple[SeatView, ...]:
    people = (AtSeat(seat.ref, seat.name, seat.ticket, seat.number) for seat in board.seats)
    refs: Sequence[str] = named_by(scan, people)
    if not refs and scan.kind in _NUMBERED:
        refs = refs_by_document(session, view.sitting_room.id, document_index(scan.value))
    return _seats(board, refs)


def _seats(board: Board, refs: Sequence[str]) -> tuple[SeatView, ...]:
    return tuple(seat for seat in board.seats if seat.ref in refs)


def _person(session: Session, seat: SeatView, principal: Principal) -> PersonAtDoor:
    return PersonAtDoor(
        seat, entry_for(session, seat.ref, principal), photo_of(session, seat.candidate_id) is not None
    )


def _elsewhere(
    session: Session, view: RoomView, scan: Scan, *, now: datetime
) -> tuple[ExpectedElsewhere, ...]:
    if scan.kind not in _NUMBERED:
        return ()
    return expected_elsewhere(session, view, ticket=scan.value, index=document_index(scan.value), now=now)
