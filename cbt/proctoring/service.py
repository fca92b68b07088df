"""What a proctor reads: their rooms, a board, what an action would do, one candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.candidates.models import CandidatePhoto
from cbt.candidates.store import Entry, entry_for, photo_of
from cbt.db.unit_of_work import reading
from cbt.delivery.models import Message
from cbt.errors import NotFound
from cbt.proctoring import store
from cbt.proctoring.acts.closing import Ending, ending
from cbt.proctoring.acts.desk import runs_room
from cbt.proctoring.acts.granted import answering, given_alone, reach
from cbt.proctoring.acts.table import Act, Picked, Scope, act_of, pick
from cbt.proctoring.board.live import EVACUATION, OVER, Board, load_board
from cbt.proctoring.board.log_lines import LogLine, incident_line
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import Proposal, SeatView
from cbt.proctoring.board.todos import not_ready
from cbt.rules.clock.granting import Given, given_so_far, takes_two
from cbt.rules.door.admission import too_close
from cbt.rules.states.closing import Blocker, can_end
from cbt.rules.states.sitting import State
from cbt.sittings.store import RoomView, room_view_for, rooms_for
from cbt.web.who.login import Principal

RECENT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class RoomCard:
    """A sitting-room on the proctor's first page, with how many stand where."""

    view: RoomView
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rooms:
    """The proctor's rooms: those under way or of today, those to come, those that are over."""

    now: tuple[RoomCard, ...]
    later: tuple[RoomCard, ...]
    over: tuple[RoomCard, ...]


def my_rooms(principal: Principal, *, now: datetime) -> Rooms:
    """Return the rooms this person may see, parted by what there is to do. Source: R-62."""
    with reading() as session:
        views = rooms_for(session, principal)
        counts = store.counts_of_rooms(session, [view.sitting_room.id for view in views])
    cards = [RoomCard(view, counts.get(view.sitting_room.id, {})) for view in views]
    over = [card for card in cards if card.view.sitting_room.state in OVER]
    coming = [card for card in cards if card not in over]
    near = [card for card in coming if card.view.sitting.planned_start_at <= now + RECENT]
    return Rooms(
        now=tuple(near),
        later=tuple(card for card in coming if card not in near),
        over=tuple(sorted(over, key=lambda card: card.view.sitting.planned_start_at, reverse=True)),
    )


def read_room(room_ref: str, principal: Principal, *, now: datetime) -> tuple[Board, RoomView]:
    """Return a board with what names its room; raise like `read_board`."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        return load_board(session, view, now=now), view


def rooms_to_evacuate(principal: Principal, *, now: datetime) -> tuple[RoomView, ...]:
    """Return the rooms in use that this person runs and that were not evacuated, the started ones first.

    Source: R-62.
    """
    with reading() as session:
        views = [
            view
            for view in rooms_for(session, principal)
            if view.sitting_room.state not in {*OVER, State.DRAFT}
            and view.sitting.check_in_opens_at <= now
            and runs_room(session, view.sitting_room, principal)
        ]
        holds = {view.sitting_room.id: store.open_hold(session, view.sitting_room.id) for view in views}
    left = {room_id for room_id, hold in holds.items() if hold is not None and hold.reason_code == EVACUATION}
    here = [view for view in views if view.sitting_room.id not in left]
    return tuple(sorted(here, key=lambda view: view.sitting_room.started_at is None))


def read_board(room_ref: str, principal: Principal, *, now: datetime) -> Board:
    """Return the board of a room this person may see; raise NotFound otherwise. Source: R-62."""
    with reading() as session:
        return load_board(session, room_view_for(session, room_ref, principal), now=now)


@dataclass(frozen=True, slots=True)
class Readiness:
    """应考 30 · 已到 28 · 已登录 27 · 未就绪 1, with the names."""

    expected: int
    arrived: int
    signed_in: int
    not_ready: tuple[SeatView, ...]
    missing: tuple[SeatView, ...]

    @property
    def figures(self) -> tuple[tuple[str, int], ...]:
        """The figures in the order they are read."""
        return (
            ("expected", self.expected),
            ("arrived", self.arrived),
            ("signed_in", self.signed_in),
            ("not_ready", len(self.not_ready)),
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action would do now: whom it touches, whom it leaves alone and why."""

    act: Act
    board: Board
    picked: Picked
    ending: Ending
    proposal: Proposal | None
    given: tuple[Given, ...] = ()
    """What one person alone gave in this room so far (R-62)."""
    by_password: bool = False
    """Whether the centre lets a second person type their password here."""

    def takes_two(self, amount: timedelta) -> bool:
        """Return whether giving `amount` to those touched takes a second person. Source: R-62."""
        whom = None if self.act.scope is Scope.ROOM else self.picked.chosen
        new = Given(amount, reach(whom), self.act.code == "decide")
        return takes_two(self.given, new, answering=answering(self.board))

    def sum_with(self, amount: timedelta) -> timedelta:
        """Return what the room's one-person total would come to with `amount` (R-62)."""
        whom = None if self.act.scope is Scope.ROOM else self.picked.chosen
        return given_so_far(self.given, Given(amount, reach(whom)))

    @property
    def blockers(self) -> list[Blocker]:
        """What is in the way of the end, in the order in which to deal with it (R-61)."""
        return can_end(self.ending.counts)

    @property
    def can_end(self) -> bool:
        """Whether the room can be ended now."""
        return not self.blockers

    @property
    def forms_missing(self) -> int:
        """How many have no form drawn."""
        return sum(1 for seat in self.board.seats if seat.attempt_id is None)

    @property
    def readiness(self) -> Readiness:
        """Who would begin and who would not, were the room started now (R-20)."""
        here = [seat for seat in self.board.seats if seat.arrived_at is not None and seat.absent_at is None]
        return Readiness(
            expected=len(self.board.seats),
            arrived=len(here),
            signed_in=sum(1 for seat in here if seat.signed_in_at is not None),
            not_ready=tuple(seat for seat in here if not_ready(seat)),
            missing=tuple(seat for seat in self.board.seats if seat.state is SeatState.NOT_ARRIVED),
        )

    def clashes(self, amount: timedelta) -> datetime | None:
        """Return the planned start of the room's next sitting when `amount` more runs into it (R-7)."""
        begins_at = self.board.next_start_at
        ends = [seat.may_run_until for seat in self.board.seats if seat.may_run_until is not None]
        if begins_at is None or not ends:
            return None
        runs_until = max(ends) + amount
        close = too_close((min(ends), runs_until), (begins_at, begins_at + timedelta(hours=1)))
        return begins_at if close else None


def preview(
    code: str, room_ref: str, refs: tuple[str, ...], principal: Principal, *, gap_id: int, now: datetime
) -> Preview:
    """Return what an action would do; `gap_id` names the proposed compensation to decide on, or is 0."""
    act = act_of(code)
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        board = load_board(session, view, now=now)
        given = given_alone(session, view.sitting_room.id)
    picked, proposed = pick(act, board, refs), None
    if gap_id:
        found = ((seat, one) for seat in board.seats for one in seat.proposals if one.gap_id == gap_id)
        seat, proposed = next(found, (None, None))
        if seat is None:
            raise NotFound("proctoring.no_gap")
        picked = Picked((seat,), ())
    return Preview(
        act, board, picked, ending(board, now=now), proposed, given, view.centre.second_by_password
    )


@dataclass(frozen=True, slots=True)
class Person:
    """Everything a proctor may know about one candidate of the room."""

    board: Board
    seat: SeatView
    entry: Entry
    has_photo: bool
    log: Sequence[LogLine]
    messages: Sequence[Message]


def read_person(room_ref: str, ref: str, principal: Principal, *, now: datetime) -> Person:
    """Return one candidate of a room this person may see; raise NotFound otherwise. Source: R-10, R-62."""
    with reading() as session:
        board = load_board(session, room_view_for(session, room_ref, principal), now=now)
        seat = board.seat(ref)
        if seat is None:
            raise NotFound("proctoring.no_seat")
        return Person(
            board=board,
            seat=seat,
            entry=entry_for(session, ref, principal),
            has_photo=photo_of(session, seat.candidate_id) is not None,
            log=[
                incident_line(line) for line in store.incidents_of_registration(session, seat.registration_id)
            ],
            messages=[] if seat.attempt_id is None else store.messages_of(session, seat.attempt_id),
        )


def read_photo(ref: str, principal: Principal) -> CandidatePhoto | None:
    """Return the photo of a candidate whose room this person may see, None while it is 照片待补."""
    with reading() as session:
        return photo_of(session, entry_for(session, ref, principal).candidate.id)
