"""A proctor's pages: their rooms, a room's board, the preview of an act, one candidate with signals.

Signals are what a candidate's page reported about itself, and from where else their login was used. They are
rows of the journal, bounded by its quota: evidence, no verdict. Nothing follows from them by itself.

Source: R-42, R-62, R-64.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.blueprints.reasons import table_in_force
from cbt.candidates.models import CandidatePhoto
from cbt.candidates.store import Registered, entry_for, photo_of
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.proctoring import store
from cbt.proctoring.act import Form, Preview, Selection, pick, rooms_run
from cbt.proctoring.acts.registry import act_of
from cbt.proctoring.board.live import Board, LogLine, incident_line, load_board
from cbt.proctoring.board.open_rooms import SeatsRead, open_rooms
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import given_alone
from cbt.proctoring.incidents import ReportStatement, told_of_registration
from cbt.proctoring.store import count_rooms_for, near_rooms, rooms_for
from cbt.rules.states import OVER
from cbt.runner.models import JournalEntry, Message
from cbt.sittings.models import SittingChange
from cbt.sittings.store import RoomView, changes_of, room_view_for, told_change
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

TOLD = ("blur", "leave", "fullscreen_exit", "paste", "elsewhere")
"""What is told of: the window left, the page left for another one or closed, full screen left, something pasted, a
second address."""
BACK = {"blur": "focus", "leave": "paper_loaded"}
"""What a page reports once somebody is back."""
RELOADED = timedelta(seconds=10)
"""A page that says by then that it is there again was loaded anew, not left: nothing is told of it."""
MOST_SHOWN = 40
MOST_READ = 2000


@dataclass(frozen=True, slots=True)
class Signal:
    """One of them: when, and of what was left for how long (None: it was not heard to come back)."""

    kind: str
    at: datetime
    away: timedelta | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """How many of each kind, how long window and page were left in all, and the latest, the newest first."""

    counts: Mapping[str, int]
    away: timedelta
    latest: Sequence[Signal]


def signals_of(session: Session, attempt_id: int | None, registration_ref: str) -> Signals:
    """Return the signals of one candidate (two queries)."""
    events: list[tuple[str, datetime]] = []
    if attempt_id is not None:
        rows = session.execute(
            select(JournalEntry.value, JournalEntry.received_at)
            .where(JournalEntry.attempt_id == attempt_id, JournalEntry.kind == "event")
            .order_by(JournalEntry.lease_epoch, JournalEntry.seq)
            .limit(MOST_READ)
        )
        events = [(json.loads(value)["type"], at) for value, at in rows if value]
    elsewhere = session.execute(
        select(AuditEntry.at, AuditEntry.after)
        .where(AuditEntry.subject == f"registration:{registration_ref}", AuditEntry.act == "door.elsewhere")
        .order_by(AuditEntry.id)
    )
    others = [Signal("elsewhere", at, address=_address(after)) for at, after in elsewhere]
    return gathered([*_of_page(events), *others])


def gathered(signals: Iterable[Signal]) -> Signals:
    every = sorted(signals, key=lambda one: one.at, reverse=True)
    return Signals(
        counts=Counter(one.kind for one in every),
        away=sum((one.away for one in every if one.away is not None), timedelta(0)),
        latest=every[:MOST_SHOWN],
    )


def _of_page(events: Sequence[tuple[str, datetime]]) -> Iterator[Signal]:
    """Yield what a page reported; what was left is back with the report that follows, if that says so."""
    for leaving, coming in BACK.items():
        between = [(kind, at) for kind, at in events if kind in {leaving, coming}]
        for (kind, at), after in zip_longest(between, between[1:]):
            if kind != leaving:
                continue
            away = after[1] - at if after is not None and after[0] == coming else None
            if kind != "leave" or away is None or away > RELOADED:
                yield Signal(kind, at, away)
    yield from (Signal(kind, at) for kind, at in events if kind in TOLD and kind not in BACK)


def _address(after: str) -> str:
    facts = json.loads(after) if after else {}
    return str(facts.get("address", "")) if isinstance(facts, dict) else ""


RECENT = timedelta(hours=12)
A_PAGE = 50
MOST_ROOMS = 200
"""So many rooms of a day are offered to be evacuated: no page of them is behind another."""


@dataclass(frozen=True, slots=True)
class RoomCard:
    """A sitting-room on the proctor's first page, with how many stand where."""

    view: RoomView
    counts: Mapping[str, int]
    change: SittingChange | None
    """Why it is off, or no longer when and where it was."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """The proctor's rooms: those under way or of today, those to come, those that are over."""

    now: tuple[RoomCard, ...]
    later: tuple[RoomCard, ...]
    over: tuple[RoomCard, ...]
    page: int
    pages: int


def my_rooms(principal: Principal, *, now: datetime, page: int = 1) -> Rooms:
    """Return a page of the rooms this person may see, parted by what there is to do. Source: R-62."""
    with reading() as session:
        span = PageSpan(count_rooms_for(session, principal), A_PAGE, page)
        views = rooms_for(session, principal, limit=A_PAGE, offset=span.offset)
        counts = store.counts_of_rooms(session, [view.sitting_room.id for view in views])
        changes = changes_of(session, {view.sitting.id for view in views})
    cards = [
        RoomCard(
            view,
            counts.get(view.sitting_room.id, {}),
            told_change(view.sitting, changes.get(view.sitting.id, [])),
        )
        for view in views
    ]
    over = [card for card in cards if card.view.sitting_room.state in OVER]
    coming = [card for card in cards if card not in over]
    near = [card for card in coming if card.view.sitting.planned_start_at <= now + RECENT]
    return Rooms(
        now=tuple(near),
        later=tuple(card for card in coming if card not in near),
        over=tuple(over),
        page=span.page,
        pages=span.pages,
    )


def read_room(room_ref: str, principal: Principal, *, now: datetime) -> tuple[Board, RoomView]:
    """Return a board with what names its room; raise like `read_open_board`."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        return load_board(session, view, now=now), view


def rooms_to_evacuate(principal: Principal, *, now: datetime) -> tuple[RoomView, ...]:
    """Return the rooms in use that this person runs and that were not evacuated, the started ones first.

    Source: R-62.
    """
    with reading() as session:
        near = rooms_for(session, principal, *near_rooms(until=now + RECENT), limit=MOST_ROOMS)
        mine = rooms_run(session, principal, [view.sitting_room.id for view in near])
        left = store.evacuated_rooms(session, sorted(mine))
    here = [
        view for view in near if view.sitting_room.id in mine - left and view.sitting.check_in_opens_at <= now
    ]
    return tuple(sorted(here, key=lambda view: view.sitting_room.started_at is None))


def read_open_board(
    room_ref: str, principal: Principal, *, now: datetime, looked: SeatsRead | None = None
) -> tuple[Board, RoomView]:
    """Return the board of a room this person may see and has open, and what names it; raise NotFound otherwise.

    What was `looked` at just now for somebody who may see it is not asked for again.

    Source: R-62.
    """
    with reading() as session:
        view = room_view_for(session, room_ref, principal) if looked is None else looked.view
        return open_rooms().board(session, view, now=now, looked=looked), view


def preview(
    code: str, room_ref: str, refs: tuple[str, ...], principal: Principal, *, form: Form, now: datetime
) -> Preview:
    """Return what an act would do, asked with what its form would say; raise NotFound for an unknown one."""
    act = act_of(code)
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        board = load_board(session, view, now=now)
        grants = given_alone(session, view.sitting_room.id)
        reasons = table_in_force(session)
        as_of = store.last_act_in(session, view.sitting_room.id)
    picked = pick(act, board, refs)
    named = None if act.whom is None else act.whom(board, form)
    if named is not None:
        picked = Selection((named,), ())
    return Preview(act, board, picked, form, now, reasons, grants, view.centre.second_by_password, as_of)


@dataclass(frozen=True, slots=True)
class PersonView:
    """Everything a proctor may know about one candidate of the room."""

    board: Board
    seat: SeatView
    entry: Registered
    has_photo: bool
    log: Sequence[LogLine]
    messages: Sequence[Message]
    signals: Signals
    reports: Sequence[ReportStatement]


def read_person(room_ref: str, ref: str, principal: Principal, *, now: datetime) -> PersonView:
    """Return one candidate of a room this person may see; raise NotFound otherwise. Source: R-10, R-62."""
    with reading() as session:
        board = load_board(session, room_view_for(session, room_ref, principal), now=now)
        seat = board.seat(ref)
        if seat is None:
            raise NotFound("proctoring.no_seat")
        return PersonView(
            board=board,
            seat=seat,
            entry=entry_for(session, ref, principal),
            has_photo=photo_of(session, seat.candidate_id) is not None,
            log=[
                incident_line(line, seat)
                for line in store.incidents_of_registration(session, seat.registration_id)
            ],
            messages=[] if seat.attempt_id is None else store.messages_of(session, seat.attempt_id),
            signals=signals_of(session, seat.attempt_id, seat.ref),
            reports=told_of_registration(session, seat.registration_id),
        )


def read_photo(ref: str, principal: Principal) -> CandidatePhoto | None:
    """Return the photo of a candidate whose room this person may see, None while it is 照片待补."""
    with reading() as session:
        return photo_of(session, entry_for(session, ref, principal).candidate.id)
